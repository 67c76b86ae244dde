import { defineConfig } from 'vitest/config';

/** For scripts/test-windows, which sets up what these tests need. */
export default defineConfig({
  test: {
    include: ['test/windows/**/*.test.ts'],
    setupFiles: ['test/windows/setup.ts'],
    // Each node.exe has a Wine of its own, whose start is mostly waiting.
    maxWorkers: 3,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    pool: 'forks',
  },
});
