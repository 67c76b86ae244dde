import { CommandApdu } from './command.js';
import { toHex } from './hex.js';

/**
 * Headers (CLA INS P1 P2) of commands that carry a PIN or a key in plain text; a dot stands for any digit. The header
 * suffices: secure messaging, chaining and the logical channel change only the class, and the content of a later block
 * of a chain cannot be recognized otherwise. GENERAL AUTHENTICATE and EXTERNAL AUTHENTICATE carry cryptograms, which do
 * not reveal a key. native/pcsc/secret_commands.cc has the same table; a test compares the two.
 */
export const SECRET_COMMANDS: readonly string[] = [
  // ISO/IEC 7816-4, 11.5: VERIFY, CHANGE REFERENCE DATA, DISABLE and ENABLE VERIFICATION REQUIREMENT, RESET RETRY COUNTER.
  // The odd ones hold BER-TLV. SIM cards, EMV's PIN CHANGE/UNBLOCK and readers (PC/SC part 3) have the same instructions.
  '..20....',
  '..21....',
  '..24....',
  '..25....',
  '..26....',
  '..27....',
  '..28....',
  '..29....',
  '..2C....',
  '..2D....',
  // ISO/IEC 7816-4: ENVELOPE holds another command. PC/SC part 3 supplement: so does the transparent exchange, FF C2.
  '..C2....',
  '..C3....',
  // PC/SC part 3, 3.2.2.1.4: LOAD KEYS.
  'FF82....',
  // ACS, API of the ACR122U: direct transmit, which holds a command of the NFC chip, such as MIFARE authentication.
  'FF000000',
  // HID, OMNIKEY contactless developer guide: commands of the reader's own, which load its keys too.
  'FF70076B',
  // Yubico, PIV extensions: IMPORT ASYMMETRIC KEY, SET MANAGEMENT KEY.
  '..FE....',
  '..FFFF..',
  // PUT DATA by tag list. OpenPGP card 3.4: a private key. Yubico, PIV: the management key, in object 5FC109.
  '..DB3FFF',
  // OpenPGP card 3.4: PUT DATA of keys for secure messaging (D1, D2, F4), the resetting code (D3), an AES key (D5),
  // and PINs as the card's key derivation has them (F9).
  '..DA00D1',
  '..DA00D2',
  '..DA00D3',
  '..DA00D5',
  '..DA00F4',
  '..DA00F9',
  // GlobalPlatform card specification 2.3.1, 11.8: PUT KEY.
  '..D8....',
  // Yubico: OATH PUT and OTP configuration, OATH SET CODE, the lock code of WRITE CONFIG.
  '..01..00',
  '..030000',
  '..1C0000',
];

const secretHeader = new RegExp(`^(?:${SECRET_COMMANDS.join('|')})$`);

/**
 * Headers of commands whose response is a secret in plain text: what a card decrypts, and the secret of a key agreement.
 * The response of a command that is sent in parts, with GET RESPONSE by the caller, is not recognized.
 */
const SECRET_RESPONSES = [
  // ISO/IEC 7816-8: PERFORM SECURITY OPERATION that returns a plain value, as DECIPHER does.
  '..2A80..',
  // SP 800-73-5 part 2, 3.2.4: GENERAL AUTHENTICATE with the key management key, 9D, and the retired ones, 82 to 95.
  '..87..9D',
  '..87..8[2-9A-F]',
  '..87..9[0-5]',
];

const secretResponseHeader = new RegExp(`^(?:${SECRET_RESPONSES.join('|')})$`);

/** CLA, INS, P1, P2 and the length field, or its first byte; a secret begins behind them at the earliest. */
const SHOWN = 5;

/** What a masked byte shows in text. */
const MASK = '**';

/**
 * Whether a command APDU carries a PIN or a key. Such a command must never be logged or sent again. The core wipes its
 * copies of every command, whatever this says.
 */
export function carriesSecret(command: CommandApdu | Uint8Array): boolean {
  if (!(command instanceof CommandApdu)) {
    return hasData(command) && secretHeader.test(toHex(command.subarray(0, 4)));
  }
  const { cla, ins, p1, p2, data } = command;
  return data.length > 0 && secretHeader.test(toHex(Uint8Array.of(cla, ins, p1, p2)));
}

/** Returns a copy for logs: everything after the fifth byte of a secret command is zero. */
export function maskSecrets(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  if (carriesSecret(bytes)) copy.fill(0, SHOWN);
  return copy;
}

/**
 * Returns the response as logs may have it: a copy whose data is zero if the command returns a secret. The status word
 * stays.
 */
export function maskResponse(command: Uint8Array, response: Uint8Array): Uint8Array {
  if (!returnsSecret(command)) return response;
  const copy = response.slice();
  copy.fill(0, 0, -2);
  return copy;
}

/** Formats the response to a command in hexadecimal, with the bytes of a secret shown as `**`. */
export function formatResponse(command: Uint8Array, response: Uint8Array): string {
  if (!returnsSecret(command) || response.length <= 2) return toHex(response, ' ');
  return `${Array(response.length - 2)
    .fill(MASK)
    .join(' ')} ${toHex(response.subarray(-2), ' ')}`;
}

function returnsSecret(command: Uint8Array): boolean {
  return secretResponseHeader.test(toHex(command.subarray(0, 4)));
}

/** Formats a command APDU in hexadecimal, with the bytes of a secret shown as `**`. */
export function formatCommand(bytes: Uint8Array): string {
  if (!carriesSecret(bytes)) return toHex(bytes, ' ');
  return `${toHex(bytes.subarray(0, SHOWN), ' ')} ${Array(bytes.length - SHOWN)
    .fill(MASK)
    .join(' ')}`;
}

/** Whether the header is followed by more than a length field, short or extended. */
function hasData(bytes: Uint8Array): boolean {
  return bytes.length > SHOWN && !(bytes.length === 7 && bytes[4] === 0);
}
