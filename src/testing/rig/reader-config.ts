/**
 * pcscd's reader configuration for virtual readers: one entry per vpcd device, which has two slots.
 *
 * The driver keeps its state in static variables of the shared object, so each entry needs its own copy. With one file
 * for several entries their slots would overwrite each other, and one slow card would stop all.
 */
/** The maximum number of readers of pcscd before 2.5. */
export const MAX_SLOTS = 16;
export const SLOTS_PER_DEVICE = 2;

/** One vpcd device: its slots listen on `port` and `port + 1`. */
export interface Device {
  /** PC/SC calls its readers `NAME 00 00` and `NAME 00 01`. */
  friendlyName: string;
  driver: string;
  port: number;
}

export function readerConfig(devices: readonly Device[]): string {
  return devices
    .map(({ friendlyName, driver, port }) => {
      const channel = `0x${port.toString(16).toUpperCase().padStart(4, '0')}`;
      return [
        `FRIENDLYNAME "${friendlyName}"`,
        `DEVICENAME /dev/null:${channel}`,
        `LIBPATH ${driver}`,
        `CHANNELID ${channel}`,
        '',
      ].join('\n');
    })
    .join('\n');
}

/**
 * Returns the friendly names of the devices for this number of slots.
 *
 * @throws {RangeError} pcscd cannot have this number of slots.
 * @throws {TypeError} The names would be ambiguous to pcscd.
 */
export function friendlyNames(slots: number, names: string | readonly string[] = 'Virtual Reader'): string[] {
  if (!Number.isInteger(slots) || slots < 1 || slots > MAX_SLOTS) {
    throw new RangeError(`A rig has 1 to ${MAX_SLOTS} slots, not ${slots}.`);
  }
  const count = Math.ceil(slots / SLOTS_PER_DEVICE);
  const wanted =
    typeof names === 'string'
      ? Array.from({ length: count }, (_, index) => `${names} ${String.fromCharCode(65 + index)}`)
      : names.slice(0, count);
  if (wanted.length < count) {
    throw new TypeError(
      `${slots} slots need ${count} names (each names a device of two slots), not ${wanted.length}.`,
    );
  }
  for (const name of wanted) {
    // 128 bytes with the terminator, and pcscd adds " 00 00".
    if (!/^[\x20-\x7e]{1,100}$/.test(name) || name.includes('"')) {
      throw new TypeError(
        `A reader cannot be called ${JSON.stringify(name)}: use 1 to 100 printable ASCII characters without quotes.`,
      );
    }
  }
  if (new Set(wanted).size !== wanted.length) {
    throw new TypeError(`Readers need different names: ${wanted.join(', ')}.`);
  }
  return wanted;
}

/** Finds a device's readers by their full names among the zero-terminated strings of the daemon's answer. */
export function readerNamePattern(friendlyName: string): RegExp {
  const literal = friendlyName.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\x20-\\x7e])${literal} [0-9A-F]{2} [0-9A-F]{2}(?=\\0)`, 'g');
}
