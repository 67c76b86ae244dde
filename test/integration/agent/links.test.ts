import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { AgentProcess, Controller, runAgent } from '../../support/agent.js';

const token = `agent-token-${'7'.repeat(20)}`;
const directory = mkdtempSync(join(tmpdir(), 'pcsc-bridge-agent-'));
afterAll(() => rmSync(directory, { recursive: true }));
const tokenFile = join(directory, 'token');
writeFileSync(tokenFile, `\r\n ${token} \n`, { mode: 0o600 });

describe('an agent that connects', () => {
  it('shows its token from a file, and works once it is welcome', async () => {
    await using controller = await Controller.listen();
    const args = ['broker', '--connect', controller.address, '--token-file', tokenFile, '--name', 'Zoë'];
    await using agent = new AgentProcess(args);
    const { asker, hello } = await controller.accept();
    expect(hello).toMatchObject({ protocol: 1, role: 'broker', name: 'Zoë', token, pid: agent.child.pid });
    asker.write('{"welcome":{"protocol":1}}\n');
    expect(await asker.ask('session')).toEqual(hello['session']);
    expect(await asker.ask('quit')).toEqual({});
    expect(await agent.exited).toEqual({ code: 0, signal: null, stderr: '' });
  });

  it('shows its token from the environment', async () => {
    await using controller = await Controller.listen();
    await using _agent = new AgentProcess(['user', '--connect', controller.address], {
      PCSC_BRIDGE_TOKEN: token,
    });
    expect((await controller.accept()).hello['token']).toBe(token);
  });

  it.each([
    ['says why it was refused', '{"refused":"wrong token"}\n', /refused this agent: wrong token/],
    ['says when the protocol is another', '{"welcome":{"protocol":2}}\n', /another version of the protocol/],
    ['says when it is no controller: no JSON', 'HTTP/1.1 400 Bad Request\r\n', /no controller/],
    ['says when it is no controller: a request', '{"id":1,"command":"session"}\n', /no controller/],
    ['says when it is no controller: too long a line', `${'x'.repeat(300_000)}\n`, /no controller/],
  ])('%s', async (_what, line, words) => {
    await using controller = await Controller.listen();
    await using agent = new AgentProcess([
      'user',
      '--connect',
      controller.address,
      '--token-file',
      tokenFile,
    ]);
    const { asker } = await controller.accept();
    asker.write(line);
    const { code, stderr } = await agent.exited;
    expect(code).toBe(1);
    expect(stderr).toMatch(words);
    expect(asker.lines.length).toBe(1);
  });

  it('says when the link is closed without a welcome', async () => {
    await using controller = await Controller.listen();
    await using agent = new AgentProcess([
      'user',
      '--connect',
      controller.address,
      '--token-file',
      tokenFile,
    ]);
    (await controller.accept()).asker.end();
    expect(await agent.exited).toMatchObject({ code: 1, stderr: expect.stringMatching(/without a welcome/) });
  });

  it('gives up after 10 seconds without a welcome', { timeout: 30_000 }, async () => {
    await using controller = await Controller.listen();
    await using agent = new AgentProcess([
      'user',
      '--connect',
      controller.address,
      '--token-file',
      tokenFile,
    ]);
    const start = performance.now();
    await controller.accept();
    expect(await agent.exited).toMatchObject({ code: 1, stderr: expect.stringMatching(/no welcome/) });
    expect(performance.now() - start).toBeGreaterThan(8000);
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  it('says when nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    await new Promise((closed) => server.close(closed));
    const end = await runAgent(['user', '--connect', `127.0.0.1:${port}`, '--token-file', tokenFile]);
    expect(end).toMatchObject({ code: 1, stderr: expect.stringMatching(/cannot connect to 127.0.0.1 port/) });
  });
});

describe('a token', () => {
  const connect = ['user', '--connect', '127.0.0.1:9'];

  it.each([
    ['is missing', connect, {}, /needs a token/],
    [
      'is in no file',
      [...connect, '--token-file', join(directory, 'none')],
      {},
      /cannot be read.*No such file/,
    ],
    ['is too short', connect, { PCSC_BRIDGE_TOKEN: 'x'.repeat(15) }, /16 to 256/],
    ['is too long', connect, { PCSC_BRIDGE_TOKEN: 'x'.repeat(257) }, /16 to 256/],
    ['has a space', connect, { PCSC_BRIDGE_TOKEN: 'secret with spaces' }, /16 to 256/],
    ['is not ASCII', connect, { PCSC_BRIDGE_TOKEN: 'ä'.repeat(20) }, /16 to 256/],
  ])('that %s is told without it, and nothing is connected', async (_what, args, env, words) => {
    const end = await runAgent(args, env);
    expect(end.code).toBe(1);
    expect(end.stderr).toMatch(words);
    expect(end.stderr).not.toMatch(/xxx|secret|ä/);
  });
});

describe('the command line', () => {
  it.each([
    [[]],
    [['boss']],
    [['user', '--connect']],
    [['user', '--connect', '']],
    [['user', '--connect', 'localhost']],
    [['user', '--connect', ':80']],
    [['user', '--connect', 'localhost:0']],
    [['user', '--connect', 'localhost:65536']],
    [['user', '--connect', 'localhost:http']],
    [['user', '--connect', '::1:80']],
    [['user', '--token-file', tokenFile]],
    [['user', '--token', token]],
    [['user', 'extra']],
    [['session', '--verbose']],
  ])('%j is wrong usage: status 2, and how it is used', async (args) => {
    const end = await runAgent(args);
    expect(end.code).toBe(2);
    expect(end.stderr).toMatch(/usage: pcsc-bridge-agent/);
    expect(end.stderr).not.toContain(token);
    expect(end.stdout).toBe('');
  });

  it('session says in which session it runs, for people and for programs', async () => {
    const people = await runAgent(['session']);
    expect(people).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^session \d+, connected .*user/),
    });
    const program = await runAgent(['session', '--json']);
    const session = JSON.parse(program.stdout);
    expect(session).toEqual({
      id: expect.any(Number),
      connectTime: expect.stringMatching(/^\d+$/),
      user: expect.any(String),
      source: expect.any(String),
    });
    expect(people.stdout).toContain(`session ${session.id},`);
  });

  it('--version and --help', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
    expect((await runAgent(['--version'])).stdout).toBe(`${version}\n`);
    expect(await runAgent(['--help'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^usage:/) });
  });
});
