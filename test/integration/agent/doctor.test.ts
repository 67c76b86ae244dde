import { spawnSync } from 'node:child_process';
import { afterAll, expect, it } from 'vitest';
import { agentProgram } from '../../../src/tools/repro/agents/launch.js';
import { Agent } from '../../support/agent.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';
import { runCli } from '../../support/run-cli.js';

const rig = await startRig({ slots: 2 });
await insertPiv(rig);
const agent = new Agent('user');
afterAll(() => agent.kill());

const doctor = (...args: string[]) =>
  spawnSync(agentProgram(), ['doctor', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

interface Report {
  schema: number;
  verdict: string;
  findings: { name: string; value: string | null }[];
}

it('the doctor of the agent, as a request and as a subcommand, reports the same as pcsc-bridge doctor', async () => {
  const asked = (await agent.asker.ask('doctor')) as unknown as Report;
  const printed = JSON.parse(doctor('--json').stdout) as Report;
  const told = JSON.parse((await runCli(['doctor', '--json'])).stdout) as Report;
  expect(asked).toMatchObject({ schema: 1, verdict: 'not-affected' });
  const names = ({ findings }: Report) => findings.map(({ name }) => name);
  expect(names(asked)).toEqual(names(told));
  expect(printed.verdict).toBe(told.verdict);
  expect(names(printed)).toEqual(names(told));
});

it('the doctor sees the readers', () => {
  const { stdout, status } = doctor();
  expect(stdout).toMatch(/^verdict: not-affected\n/);
  expect(stdout).toContain(readerAt(rig).name);
  expect(status).toBe(0);
});

it.each([
  [['--set-filter'], '--set-filter takes 1 or 0'],
  [['--set-filter', '2'], '--set-filter takes 1 or 0'],
  [['--yes'], '--yes goes with --set-filter only'],
  [['--please'], 'doctor does not know --please'],
])('the doctor rejects %j with a sentence', (args, sentence) => {
  const { stderr, status } = doctor(...args);
  expect(stderr).toContain(sentence);
  expect(status).toBe(2);
});

it('without a registry the doctor does not write, and says what to do', () => {
  const { stderr, status } = doctor('--set-filter', '1', '--yes');
  expect(stderr).toContain('FilterCSPCardCacheByTSSessionConnectTime=1');
  expect(status).toBe(2);
});

it('the doctor does not write without --yes if there is no terminal', () => {
  const { stderr, status } = doctor('--set-filter', '1');
  expect(stderr).toContain('use --yes to answer it');
  expect(status).toBe(2);
});
