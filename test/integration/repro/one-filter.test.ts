import { expect, it } from 'vitest';
import { runCli } from '../../support/run-cli.js';

it('with only the filter off it shows the fault and exits 1, because nothing is fixed', async () => {
  const { code, stdout } = await runCli(['repro', '--filter', 'off', '--hold', '800', '--sessions', '2']);
  expect(stdout).toContain('The fault is present');
  expect(code).toBe(1);
});

it('with only the filter on it says that the fault shows only with the filter off', async () => {
  const { code, stdout } = await runCli(['repro', '--filter', 'on', '--hold', '2500', '--sessions', '2']);
  expect(stdout).toContain('No logon was blocked with the filter on');
  expect(code).toBe(1);
});
