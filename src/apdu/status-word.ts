/** Status words by name (ISO/IEC 7816-4, 5.6). */
export const SW = {
  OK: 0x9000,
  /** | n: n more bytes wait for GET RESPONSE (00 = 256 or more). */
  MORE_DATA: 0x6100,
  /** | n: the verification failed, n tries remain. */
  RETRIES_LEFT: 0x63c0,
  MEMORY_FAILURE: 0x6581,
  WRONG_LENGTH: 0x6700,
  CHANNEL_NOT_SUPPORTED: 0x6881,
  SECURE_MESSAGING_NOT_SUPPORTED: 0x6882,
  LAST_OF_CHAIN_EXPECTED: 0x6883,
  CHAINING_NOT_SUPPORTED: 0x6884,
  SECURITY_STATUS_NOT_SATISFIED: 0x6982,
  AUTHENTICATION_BLOCKED: 0x6983,
  CONDITIONS_NOT_SATISFIED: 0x6985,
  WRONG_DATA: 0x6a80,
  FUNCTION_NOT_SUPPORTED: 0x6a81,
  NOT_FOUND: 0x6a82,
  WRONG_P1_P2: 0x6a86,
  REFERENCE_NOT_FOUND: 0x6a88,
  /** | n: wrong Le, n bytes are available (00 = 256). */
  WRONG_LE: 0x6c00,
  INSTRUCTION_NOT_SUPPORTED: 0x6d00,
  CLASS_NOT_SUPPORTED: 0x6e00,
  NO_PRECISE_DIAGNOSIS: 0x6f00,
} as const;

const MEANINGS = new Map<number, string>([
  [0x9000, 'success'],
  [0x6200, 'warning, nothing changed'],
  [0x6281, 'part of the returned data may be corrupted'],
  [0x6282, 'end of file or record reached before Le bytes were read, or search unsuccessful'],
  [0x6283, 'the selected file is deactivated'],
  [0x6284, 'the file control information is not formatted as it should be'],
  [0x6285, 'the selected file is in termination state'],
  [0x6286, 'no input data available from a sensor on the card'],
  [0x6287, 'at least one of the referenced records is deactivated'],
  [0x6300, 'warning, state of the card changed; verification failed'],
  [0x6381, 'the file was filled up by the last write'],
  [0x6400, 'execution error, nothing changed'],
  [0x6401, 'the card wants an immediate response'],
  [0x6481, 'sharing of the logical channel denied'],
  [0x6482, 'opening of the logical channel denied'],
  [0x6500, 'execution error, state of the card changed'],
  [0x6581, 'memory failure'],
  [0x6700, 'wrong length'],
  [0x6800, 'functions in the class byte not supported'],
  [0x6881, 'logical channel not supported'],
  [0x6882, 'secure messaging not supported'],
  [0x6883, 'last command of the chain expected'],
  [0x6884, 'command chaining not supported'],
  [0x6900, 'command not allowed'],
  [0x6981, 'command incompatible with the file structure'],
  [0x6982, 'security status not satisfied'],
  [0x6983, 'authentication method blocked'],
  [0x6984, 'reference data not usable'],
  [0x6985, 'conditions of use not satisfied'],
  [0x6986, 'command not allowed, no current file'],
  [0x6987, 'expected secure messaging data objects are missing'],
  [0x6988, 'secure messaging data objects are incorrect'],
  [0x6a00, 'wrong parameters P1-P2'],
  [0x6a80, 'incorrect parameters in the command data field'],
  [0x6a81, 'function not supported'],
  [0x6a82, 'file or application not found'],
  [0x6a83, 'record not found'],
  [0x6a84, 'not enough memory space in the file'],
  [0x6a85, 'Nc inconsistent with the TLV structure'],
  [0x6a86, 'incorrect parameters P1-P2'],
  [0x6a87, 'Nc inconsistent with parameters P1-P2'],
  [0x6a88, 'referenced data or reference data not found'],
  [0x6a89, 'file already exists'],
  [0x6a8a, 'DF name already exists'],
  [0x6b00, 'wrong parameters P1-P2'],
  [0x6d00, 'instruction not supported or invalid'],
  [0x6e00, 'class not supported'],
  [0x6f00, 'no precise diagnosis'],
]);

/** The meaning of an SW1 whose SW2 is unknown here. */
const CLASSES = new Map<number, string>([
  [0x62, 'warning, nothing changed'],
  [0x63, 'warning, state of the card changed'],
  [0x64, 'execution error, nothing changed'],
  [0x65, 'execution error, state of the card changed'],
  [0x66, 'security-related issue'],
  [0x67, 'wrong length'],
  [0x68, 'functions in the class byte not supported'],
  [0x69, 'command not allowed'],
  [0x6a, 'wrong parameters P1-P2'],
  [0x6b, 'wrong parameters P1-P2'],
  [0x6d, 'instruction not supported or invalid'],
  [0x6e, 'class not supported'],
  [0x6f, 'no precise diagnosis'],
]);

/**
 * Describes a status word (ISO/IEC 7816-4, 5.6, tables 5 to 7): `'verification failed, 2 tries left'`. It never throws;
 * an unknown status word is described as unknown.
 */
export function describeStatusWord(sw: number): string {
  const sw1 = (sw >> 8) & 0xff;
  const sw2 = sw & 0xff;
  if (sw1 === 0x61) {
    return sw2 === 0 ? '256 or more response bytes wait' : `${count(sw2, 'more response byte')} available`;
  }
  if (sw1 === 0x6c) return `wrong Le, ${count(sw2 || 256, 'byte')} available`;
  if (sw1 === 0x63 && sw2 >> 4 === 0xc) {
    return `verification failed, ${count(sw2 & 0x0f, 'try', 'tries')} left`;
  }
  if ((sw1 === 0x62 || sw1 === 0x64) && sw2 >= 0x02 && sw2 <= 0x80) {
    return `triggered by the card: it asks for a query of ${sw2} bytes`;
  }
  const known = MEANINGS.get(sw);
  if (known !== undefined) return known;
  const meaning = CLASSES.get(sw1);
  if (meaning !== undefined) return `${meaning} (${hex(sw)})`;
  return sw1 >> 4 === 9 || sw1 >> 4 === 6
    ? `application-specific status ${hex(sw)}`
    : `not a status word: ${hex(sw)}`;
}

/** Returns the tries left: x of 63Cx, 0 of 6983 (blocked); undefined for any other status word. */
export function retriesLeft(sw: number): number | undefined {
  if ((sw & 0xfff0) === SW.RETRIES_LEFT) return sw & 0x0f;
  return sw === SW.AUTHENTICATION_BLOCKED ? 0 : undefined;
}

function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

function hex(sw: number): string {
  return sw.toString(16).toUpperCase().padStart(4, '0');
}
