import { defineConfig } from 'vitest/config';

/** For scripts/test-usb, which sets up what these tests need. */
export default defineConfig({
  test: {
    include: ['test/usb/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 240_000,
    pool: 'forks',
  },
});
