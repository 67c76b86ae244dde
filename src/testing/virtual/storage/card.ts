import { randomBytes } from 'node:crypto';
import { buildAtr } from '../atr.js';
import { type CardOptions, type ReaderAddress, VirtualCard } from '../card.js';
import { type StorageKind, StorageMemory } from './memory.js';

export interface StorageOptions {
  /** @default 'NTAG213' */
  kind?: StorageKind;
  /**
   * The unique identifier.
   * @default 7 random bytes for an NTAG213, 4 for a MIFARE Classic
   */
  uid?: Uint8Array;
  /** An NDEF message in the memory of an NTAG213, at most 141 bytes. */
  ndef?: Uint8Array;
}

export type StorageCardOptions = ReaderAddress & Omit<CardOptions, 'applets' | 'atr'> & StorageOptions;

/** The first data page of an NTAG213, and the most bytes of a message: one byte each for tag, length and end. */
const FIRST_DATA_PAGE = 4;
const LONGEST_NDEF = 144 - 3;

/** The number of the card's name in the ATR (PC/SC part 3). Readers report an NTAG213 as a MIFARE Ultralight. */
const numbers: Record<StorageKind, number> = { 'MIFARE Classic 1K': 1, NTAG213: 3 };

/** A contactless storage card in a virtual reader, with the pseudo-APDUs of PC/SC part 3. */
export class StorageCard extends VirtualCard {
  private constructor(
    options: StorageCardOptions,
    /** What is on the card; it may be changed at any time. */
    readonly memory: StorageMemory,
    number: number,
  ) {
    // The reader makes the ATR: the identifier of the PC/SC Workgroup, ISO/IEC 14443 A part 3, the card's name.
    const name = [
      0x80,
      0x4f,
      0x0c,
      0xa0,
      0x00,
      0x00,
      0x03,
      0x06,
      0x03,
      number >> 8,
      number & 0xff,
      0,
      0,
      0,
      0,
    ];
    const atr = buildAtr({ protocols: ['T=0', 'T=1'], historicalBytes: Uint8Array.from(name) });
    super({ ...options, applets: [], atr }, memory);
  }

  /**
   * Puts a storage card into a reader slot.
   *
   * @throws {RangeError} The NDEF message is too long, or is for a card that holds none.
   * @throws {Error} As `VirtualCard.insert`.
   */
  static async insertStorage(options: StorageCardOptions): Promise<StorageCard> {
    const { kind = 'NTAG213', ndef } = options;
    const memory = new StorageMemory(kind, options.uid ?? randomBytes(kind === 'NTAG213' ? 7 : 4));
    if (ndef !== undefined) {
      if (kind !== 'NTAG213' || ndef.length > LONGEST_NDEF) {
        throw new RangeError(`Only an NTAG213 holds an NDEF message, of at most ${LONGEST_NDEF} bytes.`);
      }
      memory.preset(FIRST_DATA_PAGE, Uint8Array.of(0x03, ndef.length, ...ndef, 0xfe));
    }
    const card = new StorageCard(options, memory, numbers[kind]);
    await card.plugIn({ ...options, applets: [] });
    return card;
  }
}
