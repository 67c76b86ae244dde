/** The interface bytes TA to TD of an answer to reset (ISO/IEC 7816-3:2006, 8.2.3 and 8.3). */

/** Parameters of T=1 (ISO/IEC 7816-3, 11.4). */
export interface T1Parameters {
  /** The most information bytes that the card accepts in a block (IFSC), 1 to 254. */
  ifsc: number;
  /** Block waiting time integer, 0 to 9. */
  bwi: number;
  /** Character waiting time integer, 0 to 15. */
  cwi: number;
  /** The error detection code of blocks. */
  errorDetection: 'LRC' | 'CRC';
}

/** Global parameters that T=15 introduces (ISO/IEC 7816-3, 8.3). */
export interface GlobalParameters {
  /** Whether the clock may be stopped, and in which state. */
  clockStop: 'not supported' | 'low' | 'high' | 'any' | undefined;
  /** The supply voltages that the card accepts: A is 5 V, B is 3 V, C is 1.8 V. Undefined if the card does not say. */
  classes: ('A' | 'B' | 'C')[] | undefined;
  /** The use of contact C6 (SPU): 'proprietary' or 'standard'; undefined if the card does not use it. */
  standardOrProprietaryUse: 'standard' | 'proprietary' | undefined;
}

/** What the interface bytes say. A byte that is absent has its default value. */
export interface InterfaceBytes {
  /** Every interface byte under its name, in order: `{ TA1: 0x13, TD1: 0x81, ... }`. */
  interfaceBytes: Record<string, number>;
  /** Clock rate conversion integer (TA1); undefined if the value is reserved. @default 372 */
  fi: number | undefined;
  /** Baud rate adjustment integer (TA1); undefined if the value is reserved. @default 1 */
  di: number | undefined;
  /** The highest clock frequency in MHz (TA1); undefined if the value is reserved. @default 5 */
  maxFrequency: number | undefined;
  /** Extra guard time in elementary time units (TC1), 0 to 254; 255 means the minimum of the protocol. @default 0 */
  extraGuardTime: number;
  /** TA2: the card is in specific mode, with one protocol. Undefined if it is in negotiable mode. */
  specificMode: { protocol: string; canChange: boolean; implicitParameters: boolean } | undefined;
  /** Waiting time integer of T=0 (TC2). @default 10 */
  waitingTime: number;
  /** Undefined if the card does not offer T=1. */
  t1: T1Parameters | undefined;
  /** Undefined if there is no T=15. */
  global: GlobalParameters | undefined;
}

/** By the high half of TA1: Fi and the highest frequency in MHz (ISO/IEC 7816-3, table 7). */
const CLOCK_RATES = new Map([
  [0x0, { fi: 372, maxFrequency: 4 }],
  [0x1, { fi: 372, maxFrequency: 5 }],
  [0x2, { fi: 558, maxFrequency: 6 }],
  [0x3, { fi: 744, maxFrequency: 8 }],
  [0x4, { fi: 1116, maxFrequency: 12 }],
  [0x5, { fi: 1488, maxFrequency: 16 }],
  [0x6, { fi: 1860, maxFrequency: 20 }],
  [0x9, { fi: 512, maxFrequency: 5 }],
  [0xa, { fi: 768, maxFrequency: 7.5 }],
  [0xb, { fi: 1024, maxFrequency: 10 }],
  [0xc, { fi: 1536, maxFrequency: 15 }],
  [0xd, { fi: 2048, maxFrequency: 20 }],
]);

/** Di by the low half of TA1 (ISO/IEC 7816-3, table 8). */
const BAUD_RATES = [undefined, 1, 2, 4, 8, 16, 32, 64, 12, 20];

const NO_CLOCK_RATE = { fi: undefined, maxFrequency: undefined };

const CLOCK_STOPS = ['not supported', 'low', 'high', 'any'] as const;

/** One interface byte, and the protocol of the TD before it. */
interface InterfaceByte {
  letter: string;
  level: number;
  value: number;
  protocol: number | undefined;
}

/**
 * Reads the interface bytes of an answer to reset.
 *
 * @returns What they say; `named`: the T values of TD1, TD2, ...; `end`: the place after them. Undefined if the bytes
 *   end before.
 */
export function readInterfaceBytes(
  bytes: Uint8Array,
): (InterfaceBytes & { named: number[]; end: number }) | undefined {
  const all: InterfaceByte[] = [];
  const named: number[] = [];
  let at = 2;
  let indicator = bytes[1];
  for (let level = 1; indicator !== undefined; level++) {
    const protocol = named.at(-1);
    let next: number | undefined;
    for (const [bit, letter] of ['TA', 'TB', 'TC', 'TD'].entries()) {
      if (!((indicator >> 4) & (1 << bit))) continue;
      const value = bytes[at++];
      if (value === undefined) return undefined;
      all.push({ letter, level, value, protocol });
      if (letter === 'TD') next = value;
    }
    if (next !== undefined) named.push(next & 0x0f);
    indicator = next;
  }
  return { ...meaningOf(all, named), named, end: at };
}

function meaningOf(all: readonly InterfaceByte[], named: readonly number[]): InterfaceBytes {
  const interfaceBytes = Object.fromEntries(all.map(({ letter, level, value }) => [letter + level, value]));
  // From the third level on, a byte belongs to the protocol of the TD before it; the first of a kind counts.
  const specific = (letter: string, protocol: number) =>
    all.find((byte) => byte.level > 2 && byte.protocol === protocol && byte.letter === letter)?.value;
  const { TA1: ta1 = 0x11, TC1: tc1 = 0, TA2: ta2, TC2: tc2 = 10 } = interfaceBytes;
  return {
    interfaceBytes,
    ...(CLOCK_RATES.get(ta1 >> 4) ?? NO_CLOCK_RATE),
    di: BAUD_RATES[ta1 & 0x0f],
    extraGuardTime: tc1,
    specificMode:
      ta2 === undefined
        ? undefined
        : {
            protocol: `T=${ta2 & 0x0f}`,
            canChange: (ta2 & 0x80) === 0,
            implicitParameters: (ta2 & 0x10) !== 0,
          },
    waitingTime: tc2,
    t1: named.includes(1) ? t1Of(specific('TA', 1), specific('TB', 1), specific('TC', 1)) : undefined,
    global: named.includes(15) ? globalOf(specific('TA', 15), specific('TB', 15)) : undefined,
  };
}

function t1Of(ta = 32, tb = 0x4d, tc = 0): T1Parameters {
  return { ifsc: ta, bwi: tb >> 4, cwi: tb & 0x0f, errorDetection: tc & 1 ? 'CRC' : 'LRC' };
}

function globalOf(ta: number | undefined, tb: number | undefined): GlobalParameters {
  const classes = (['A', 'B', 'C'] as const).filter((_, bit) => ((ta ?? 0) >> bit) & 1);
  return {
    clockStop: ta === undefined ? undefined : CLOCK_STOPS[ta >> 6],
    classes: ta === undefined ? undefined : classes,
    standardOrProprietaryUse: tb ? (tb & 0x80 ? 'proprietary' : 'standard') : undefined,
  };
}
