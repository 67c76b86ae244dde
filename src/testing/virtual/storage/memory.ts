import { ResponseApdu, SW } from '../../../apdu/index.js';
import type { CardProcessor } from '../card.js';

/** The kinds of storage cards that there are. */
export type StorageKind = 'MIFARE Classic 1K' | 'NTAG213';

/** How a kind stores its bytes. */
interface Layout {
  /** The bytes that an address counts. */
  unit: number;
  units: number;
  /** The first unit that can be written to. */
  writable: number;
  /** Blocks of a sector, each of which is opened with a key; 0 if there are no keys. */
  sector: number;
}

const layouts: Record<StorageKind, Layout> = {
  'MIFARE Classic 1K': { unit: 16, units: 64, writable: 1, sector: 4 },
  NTAG213: { unit: 4, units: 45, writable: 4, sector: 0 },
};

/** Bytes that one read returns, whatever the unit. */
const READ = 16;
const KEY = 6;
/** In a sector's last block: key A, access conditions, key B. */
const TRAILER = [...Array(KEY).fill(0xff), 0xff, 0x07, 0x80, 0x69, ...Array(KEY).fill(0xff)];
/** Of the NTAG213: NDEF, version 1.0, 144 bytes, everybody may read and write. */
const CAPABILITIES = [0xe1, 0x10, 0x12, 0x00];

const Instruction = { LoadKey: 0x82, Authenticate: 0x86, Read: 0xb0, GetData: 0xca, Update: 0xd6 } as const;
const ADDRESS_NOT_FOUND = 0x6a82;
const AUTHENTICATION_FAILED = 0x6300;
const KEY_NOT_LOADED = 0x6988;

/**
 * A storage card and the part of its reader that executes pseudo-APDUs (PC/SC part 3, 3.2.2.1). It does not depend on readers, so
 * tests can drive it directly. The access conditions of MIFARE sectors are those of a new card: either key reads and writes.
 */
export class StorageMemory implements CardProcessor {
  readonly bytes: Uint8Array;
  readonly #layout: Layout;
  readonly #keys = new Map<number, Uint8Array>();
  /** The sector that is open. */
  #open: number | undefined;

  constructor(
    kind: StorageKind,
    readonly uid: Uint8Array,
  ) {
    this.#layout = layouts[kind];
    const { unit, units, sector } = this.#layout;
    this.bytes = new Uint8Array(unit * units);
    this.bytes.set(uid);
    if (sector === 0) this.bytes.set(CAPABILITIES, 3 * unit);
    for (let block = sector - 1; sector > 0 && block < units; block += sector)
      this.bytes.set(TRAILER, block * unit);
  }

  /** Writes bytes from an address on, without keys. */
  preset(address: number, data: Uint8Array): void {
    this.bytes.set(data, address * this.#layout.unit);
  }

  reset(): void {
    this.#open = undefined;
  }

  process(bytes: Uint8Array): Promise<ResponseApdu> {
    return Promise.resolve(this.#execute(bytes));
  }

  #execute(bytes: Uint8Array): ResponseApdu {
    const [cla, ins, p1 = 0, p2 = 0, p3 = 0] = bytes;
    const body = bytes.subarray(5);
    if (cla !== 0xff) return new ResponseApdu(SW.CLASS_NOT_SUPPORTED);
    switch (ins) {
      case Instruction.GetData:
        return p1 === 0 && p2 === 0 ? ResponseApdu.ok(this.uid) : new ResponseApdu(SW.FUNCTION_NOT_SUPPORTED);
      case Instruction.LoadKey:
        if (body.length !== KEY || p3 !== KEY) return new ResponseApdu(SW.WRONG_LENGTH);
        this.#keys.set(p2, body.slice());
        return ResponseApdu.ok();
      case Instruction.Authenticate:
        return this.#authenticate(body);
      case Instruction.Read:
        return this.#read((p1 << 8) | p2, p3 || 256);
      case Instruction.Update:
        return this.#update((p1 << 8) | p2, body);
      default:
        return new ResponseApdu(SW.INSTRUCTION_NOT_SUPPORTED);
    }
  }

  /** The body: version 1, the block, the type of key, the place of the key in the reader. */
  #authenticate(body: Uint8Array): ResponseApdu {
    const { unit, units, sector } = this.#layout;
    const [, high = 0, low = 0, type = 0, slot = 0] = body;
    const block = (high << 8) | low;
    this.#open = undefined;
    if (sector === 0) return new ResponseApdu(SW.FUNCTION_NOT_SUPPORTED);
    if (body.length !== 5) return new ResponseApdu(SW.WRONG_LENGTH);
    if (block >= units) return new ResponseApdu(ADDRESS_NOT_FOUND);
    const key = this.#keys.get(slot);
    if (key === undefined) return new ResponseApdu(KEY_NOT_LOADED);
    const trailer = (Math.floor(block / sector) * sector + sector - 1) * unit;
    const at = trailer + (type === 0x61 ? unit - KEY : 0);
    if (!key.every((byte, i) => byte === this.bytes[at + i])) return new ResponseApdu(AUTHENTICATION_FAILED);
    this.#open = Math.floor(block / sector);
    return ResponseApdu.ok();
  }

  #read(address: number, length: number): ResponseApdu {
    const { unit, units } = this.#layout;
    if (length > READ) return new ResponseApdu(SW.WRONG_LENGTH);
    if (address >= units) return new ResponseApdu(ADDRESS_NOT_FOUND);
    if (this.#isLocked(address)) return new ResponseApdu(SW.SECURITY_STATUS_NOT_SATISFIED);
    const data = new Uint8Array(length);
    data.set(this.bytes.subarray(address * unit, address * unit + length));
    // Key A is never shown.
    if (this.#isTrailer(address)) data.fill(0, 0, KEY);
    return ResponseApdu.ok(data);
  }

  #update(address: number, data: Uint8Array): ResponseApdu {
    const { unit, units, writable } = this.#layout;
    if (data.length !== unit) return new ResponseApdu(SW.WRONG_LENGTH);
    if (address >= units) return new ResponseApdu(ADDRESS_NOT_FOUND);
    if (address < writable || this.#isLocked(address))
      return new ResponseApdu(SW.SECURITY_STATUS_NOT_SATISFIED);
    this.bytes.set(data, address * unit);
    return ResponseApdu.ok();
  }

  #isLocked(address: number): boolean {
    const { sector } = this.#layout;
    return sector > 0 && Math.floor(address / sector) !== this.#open;
  }

  #isTrailer(address: number): boolean {
    const { sector } = this.#layout;
    return sector > 0 && address % sector === sector - 1;
  }
}
