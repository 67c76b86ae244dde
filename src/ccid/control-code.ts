import type { WaitOptions } from '../support/cancellation.js';

/** An object with SCardControl: a `Card`, or a `Transaction` while it runs. */
export interface Controllable {
  /** Sends a command to the reader's driver (SCardControl). */
  control(code: number, input?: Uint8Array, options?: WaitOptions): Promise<Uint8Array>;
}

/** The largest function number: Windows has 12 bits for it in the code (CTL_CODE). */
const LARGEST_FUNCTION = 0xfff;

/**
 * Returns the control code of a driver function for SCardControl (SCARD_CTL_CODE). On Windows it is
 * FILE_DEVICE_SMARTCARD (0x31) in the high word and the function shifted left by two. On pcsc-lite and macOS it is
 * 0x42000000 plus the function.
 *
 * @param functionNumber - 0 to 4095. 1 is the escape command of pcsc-lite's CCID drivers; 2048 and above belong to
 *   vendors.
 * @param platform - The platform, as in `process.platform`.
 * @default `platform` is `process.platform`
 * @throws {RangeError} The function number is not an integer from 0 to 4095.
 */
export function controlCode(functionNumber: number, platform: NodeJS.Platform = process.platform): number {
  if (!Number.isInteger(functionNumber) || functionNumber < 0 || functionNumber > LARGEST_FUNCTION) {
    throw new RangeError(
      `The function of a control code is a whole number from 0 to ${LARGEST_FUNCTION}, not ${functionNumber}.`,
    );
  }
  return platform === 'win32' ? 0x31_0000 | (functionNumber << 2) : 0x4200_0000 + functionNumber;
}

/** CM_IOCTL_GET_FEATURE_REQUEST as a function number (PC/SC part 10, 2.2): asks for the features of a reader. */
export const GET_FEATURE_REQUEST = 3400;
