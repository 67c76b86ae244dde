import { configDefaults, defineConfig } from 'vitest/config';

/** What measures time, counts the resources of a process, or drives dozens of processes: one file after another. */
const alone = [
  'test/integration/{agent,bench,faults,limits,process,repro,transactions}/**/*.test.ts',
  'test/integration/semantics/{many-at-once,service,stuck-calls,stuck-exits}.test.ts',
];
/** What installs the package, or runs it on other platforms: scripts/test compiles these first. */
const packaged = ['test/integration/package/**/*.test.ts'];

export default defineConfig({
  test: {
    globalSetup: ['test/global-setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    pool: 'forks',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/{unit,fuzz}/**/*.test.ts'],
          // No state outside of a test: a new process for each file would take twice the time.
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/integration/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...alone, ...packaged],
          // They mostly wait: for daemons, programs and each other.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: alone,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          include: packaged,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
