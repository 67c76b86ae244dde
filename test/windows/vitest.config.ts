import { defineConfig } from 'vitest/config';

/** For scripts/test-windows, which sets up what these tests need. Each node.exe has a Wine of its own, whose start is mostly waiting. */
const project = { maxWorkers: 3, hookTimeout: 60_000, pool: 'forks' as const };
const windows = process.env['PCSC_BRIDGE_WINDOWS'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...project,
          name: 'windows',
          include: ['test/windows/**/*.test.ts'],
          setupFiles: ['test/windows/setup.ts'],
          testTimeout: 120_000,
        },
      },
      {
        // The behaviour tests on the stand-in library once more: node.exe, the Windows addon, a winscard.dll of ours.
        test: {
          ...project,
          name: 'semantics',
          include: ['test/integration/semantics/**/*.test.ts'],
          globalSetup: ['test/global-setup.ts'],
          testTimeout: 60_000,
          env: {
            PCSC_BRIDGE_TEST_NODE: `${process.cwd()}/scripts/wine-node`,
            PCSC_BRIDGE_TEST_PACKAGE: `${windows}/stage/x64`,
          },
        },
      },
    ],
  },
});
