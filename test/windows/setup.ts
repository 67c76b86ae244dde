/** Skips the tests named after Node.js ia32 if the kernel runs no 32-bit programs. */
import { existsSync } from 'node:fs';
import { beforeEach } from 'vitest';

// scripts/wine-setup installs it only if it can be started.
const wineFor32Bits = `${process.env['PCSC_BRIDGE_WINE']}/usr/lib/wine/wine`;
const missing = !existsSync(wineFor32Bits);

beforeEach(({ task, skip }) => {
  skip(missing && /\bia32\b/.test(task.fullTestName), 'the kernel of this machine runs no 32-bit programs');
});
