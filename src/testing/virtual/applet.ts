import { type CommandApdu, ResponseApdu, SW } from '../../apdu/index.js';

export { StatusWordError } from '../../apdu/index.js';

/**
 * An application on a virtual card. Only `aid` and `process` are needed:
 *
 * ```ts
 * const echo: Applet = {
 *   aid: fromHex('F0 50 43 53 43 01'),
 *   process: (command) => ResponseApdu.ok(command.data),
 * };
 * ```
 *
 * Before a command gets here, the card has refused what is malformed, put a chain together, and looked at
 * class and channel; afterwards it splits a long response for GET RESPONSE. Commands come one at a time.
 */
export interface Applet {
  /** Application identifier, 5 to 16 bytes. */
  readonly aid: Uint8Array;

  /**
   * Commands without Le get their data at once, up to 256 bytes, as from YubiKeys; by default it is announced (61xx).
   * yubico-piv-tool relies on it.
   */
  readonly answersWithoutLe?: boolean;

  /**
   * SELECT found this applet by `command.data`, all of its AID or the beginning. Its answer's data is the FCI
   * (the card drops it when the host asked for none); 9000 without data if there is no `select`. Called again
   * when the applet is selected already. Anything but 9000 leaves the applet that was selected before.
   */
  select?(command: CommandApdu): ResponseApdu | Promise<ResponseApdu>;

  /**
   * Processes any other command while this applet is selected. If the instruction carries a PIN, `command.data` is
   * wiped after the answer: copy what you keep. It may throw `StatusWordError`; any other error becomes 6F00.
   */
  process(command: CommandApdu): ResponseApdu | Promise<ResponseApdu>;

  /** Another applet was selected. */
  deselect?(): void;

  /** The card lost power or was reset: forget what lives in memory, such as a verified PIN. */
  reset?(): void;
}

/** For an instruction that an applet does not know. */
export function unknownInstruction(): ResponseApdu {
  return new ResponseApdu(SW.INSTRUCTION_NOT_SUPPORTED);
}
