import { expect, it } from 'vitest';
import { runCli } from './run-cli.js';

it('with the filter off alone it shows the fault and exits 1: nothing is fixed', async () => {
  const { code, stdout } = await runCli(['repro', '--filter', 'off', '--hold', '800', '--sessions', '2']);
  expect(stdout).toContain('The fault is present');
  expect(code).toBe(1);
});

it('with the filter on alone it says that only the filter off can show the fault', async () => {
  const { code, stdout } = await runCli(['repro', '--filter', 'on', '--hold', '2500', '--sessions', '2']);
  expect(stdout).toContain('No logon was blocked with the filter on');
  expect(code).toBe(1);
});
