import { afterAll, beforeAll, expect, it } from 'vitest';
import { Rig } from '../../../src/testing/rig/index.js';
import { createPivCard } from '../../../src/testing/virtual/index.js';
import { runCli } from '../../support/run-cli.js';

let rig: Rig;

beforeAll(async () => {
  rig = await Rig.start({ slots: 2 });
  await Promise.all(rig.readers.map(({ port }) => createPivCard({ port, pin: '271828' })));
});

afterAll(() => rig.stop());

const withReaders = (...args: string[]) => {
  const readers = rig.readers.flatMap(({ name }) => ['--reader', name]);
  return ['repro', ...readers, ...args];
};

it('the reproduction uses the given readers, with the daemon that serves them', async () => {
  const env = { ...rig.env, PCSC_BRIDGE_PIN: '271828' };
  const { code, stdout, stderr } = await runCli(withReaders('--hold', '2500'), env);
  expect(stderr).toBe('');
  expect(stdout).toContain('Fixed: ');
  expect(code).toBe(0);
});

it('the reproduction reports a wrong PIN before it holds a card, with the tries left', async () => {
  const env = { ...rig.env, PCSC_BRIDGE_PIN: '111111' };
  const { code, stderr } = await runCli(withReaders('--hold', '1000'), env);
  expect(stderr).toMatch(/the first logon of session 1 failed: .*2 tries/);
  expect(stderr).not.toContain('111111');
  expect(code).toBe(1);
});
