import type { WaitOptions } from '../support/cancellation.js';

/** Whatever SCardControl can be called on: a `Card`, or a `Transaction` while it lasts. */
export interface Controllable {
  control(code: number, input?: Uint8Array, options?: WaitOptions): Promise<Uint8Array>;
}

/** Largest function number: Windows gives it 12 bits of the code (CTL_CODE). */
const LARGEST_FUNCTION = 0xfff;

/**
 * SCARD_CTL_CODE: the number by which this platform's SCardControl knows a function of the reader's driver.
 * Windows: FILE_DEVICE_SMARTCARD (0x31) in the high word and the function shifted by two; pcsc-lite and
 * macOS: 0x42000000 plus the function.
 *
 * @param functionNumber 0 to 4095: 1 is pcsc-lite's escape to CCID drivers, 2048 and above are the vendors'.
 * @param platform Whose number: as `process.platform` has it, and that unless given.
 * @throws {RangeError} The function number has more than 12 bits.
 */
export function controlCode(functionNumber: number, platform: NodeJS.Platform = process.platform): number {
  if (!Number.isInteger(functionNumber) || functionNumber < 0 || functionNumber > LARGEST_FUNCTION) {
    throw new RangeError(
      `The function of a control code is a whole number from 0 to ${LARGEST_FUNCTION}, not ${functionNumber}.`,
    );
  }
  return platform === 'win32' ? 0x31_0000 | (functionNumber << 2) : 0x4200_0000 + functionNumber;
}

/** CM_IOCTL_GET_FEATURE_REQUEST as a function number (PC/SC part 10, 2.2): what can this reader do? */
export const GET_FEATURE_REQUEST = 3400;
