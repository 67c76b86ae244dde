import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    // These need Wine or QEMU: scripts/test-windows, scripts/test-usb.
    exclude: [...configDefaults.exclude, 'test/windows/**', 'test/usb/**'],
    // Two cores and real daemons: files run one after another so that timings mean something.
    fileParallelism: false,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    pool: 'forks',
  },
});
