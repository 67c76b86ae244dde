/** Characters of the FASC-N besides digits, in the same five-bit code (TIG SCEPACS, 2.1). */
const START = 0b1011;
const FIELD = 0b1101;
const END = 0b1111;

/** Fields of a Federal Agency Smart Credential Number; all decimal digits. */
export interface FascN {
  /** 4 digits; 9999 = not a federal agency. */
  agency: string;
  /** 4 digits. */
  system: string;
  /** 6 digits. */
  credential: string;
}

/**
 * A FASC-N as the CHUID carries it: 40 characters of four bits, low bit first, each with odd parity, in 25 bytes;
 * the last is a check over the others. The person's fields are zero.
 */
export function encodeFascN({ agency, system, credential }: FascN): Uint8Array {
  const digits = (text: string) => Array.from(text, Number);
  const characters = [
    START,
    ...digits(agency),
    FIELD,
    ...digits(system),
    FIELD,
    ...digits(credential),
    FIELD,
    // Credential series, individual credential issue.
    ...[0, FIELD, 1, FIELD],
    // Person identifier (10), organisational category, organisation (4), association category.
    ...digits('0000000000'),
    1,
    ...digits(agency),
    1,
    END,
  ];
  characters.push(characters.reduce((check, character) => check ^ character, 0));
  const bits = characters.map(fiveBits).join('');
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
}

function fiveBits(character: number): string {
  const bits = [0, 1, 2, 3].map((i) => (character >> i) & 1);
  const parity = bits.reduce((sum, bit) => sum + bit, 1) & 1;
  return [...bits, parity].join('');
}
