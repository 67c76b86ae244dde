import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { toHex } from '../../../src/apdu/index.js';
import type { Agent } from '../../support/agent.js';
import { selectPiv } from '../../support/piv-host.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';
import { codeOf, startAgent } from './helpers.js';

const rig = await startRig({ slots: 2 });
await insertPiv(rig);
const { name: reader } = readerAt(rig);
const sanitized = process.env['PCSC_BRIDGE_AGENT'] !== undefined;

function sizeOf(agent: Agent): { kilobytes: number; handles: number } {
  const directory = `/proc/${agent.child.pid}`;
  const status = readFileSync(`${directory}/status`, 'utf8');
  return {
    kilobytes: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]),
    handles: readdirSync(`${directory}/fd`).length,
  };
}

it('the memory of an agent does not grow between 500 and 2,000 requests', { timeout: 120_000 }, async () => {
  const agent = startAgent('user');
  const round = async () => {
    const { card } = await agent.ask('hold', { reader, timeout: 3_600_000 });
    await agent.ask('exchange', { card, apdu: toHex(selectPiv) });
    expect(await codeOf(agent.ask('hold', { reader, timeout: 0 }))).toBe('TIMEOUT');
    await agent.ask('readers');
    await agent.ask('release', { card });
  };
  for (let times = 0; times < 100; times++) await round();
  const before = sizeOf(agent);
  for (let times = 0; times < 300; times++) await round();
  const after = sizeOf(agent);
  expect(after.handles).toBeLessThanOrEqual(before.handles + 3);
  // Freed memory is kept in quarantine by the address sanitizer.
  if (!sanitized) expect(after.kilobytes).toBeLessThan(before.kilobytes + 1024);
});
