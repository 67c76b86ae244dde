/** The secrets of "piv": each from an environment variable, or from a prompt. */
import { fromHex } from '../../../apdu/index.js';
import { UsageError } from '../command.js';
import { askPin, askSecret } from '../pin.js';

/** The management key of a new YubiKey, in words. */
const FACTORY_KEY_NAME = 'default';
const FACTORY_KEY = '010203040506070801020304050607080102030405060708';

export { askPin };

/** Asks twice on a terminal, because a mistyped new PIN is as good as a blocked one. */
export function askNewPin(signal: AbortSignal): Promise<string> {
  return askTwice('New PIN', 'PCSC_BRIDGE_NEW_PIN', signal);
}

export function askPuk(signal: AbortSignal): Promise<string> {
  return askSecret('PUK', 'PCSC_BRIDGE_PUK', signal);
}

/** As `askNewPin`. */
export function askNewPuk(signal: AbortSignal): Promise<string> {
  return askTwice('New PUK', 'PCSC_BRIDGE_NEW_PUK', signal);
}

/** @throws {UsageError} It is neither hexadecimal nor the word "default". */
export async function askManagementKey(signal: AbortSignal): Promise<Uint8Array> {
  const text = await askSecret('Management key', 'PCSC_BRIDGE_MANAGEMENT_KEY', signal);
  try {
    return fromHex(text.trim() === FACTORY_KEY_NAME ? FACTORY_KEY : text);
  } catch {
    throw new UsageError('the management key must be in hexadecimal, or "default" for that of a new YubiKey');
  }
}

async function askTwice(name: string, variable: string, signal: AbortSignal): Promise<string> {
  if (process.env[variable]) return askSecret(name, variable, signal);
  const first = await askSecret(name, variable, signal);
  if ((await askSecret(`${name} again`, variable, signal)) === first) return first;
  throw new UsageError(
    `the two entries of the ${name.toLowerCase().replace(/pin|puk/, (word) => word.toUpperCase())} differ: nothing was changed`,
  );
}
