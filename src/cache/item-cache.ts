/** The item cache: what was read from a card, kept for whoever asks next (SCardReadCache, SCardWriteCache). */
import { PcscError } from '../errors.js';
import { native } from '../native/addon.js';
import { type WaitOptions, waitFor } from '../support/cancellation.js';
import { checkBytes, checkNumber } from '../support/validation.js';

/** What an item is asked for by. */
export interface ItemKey {
  /** 16 bytes that no other card has: the GUID of a PIV card, the cardid of the Base CSP. */
  cardId: Uint8Array;
  /** Which of the card's items; any text but the empty one. */
  name: string;
  /**
   * The card's present counter for items of this kind, 0 to 2^32 - 1, raised whenever they change on the card;
   * 0 unless given. For cards with a Base CSP file system see `parseCardCacheFile`.
   */
  freshness?: number | undefined;
}

/**
 * `bridge.items`: one for all of the process: every bridge, session and worker thread sees the same items. On Windows it is
 * the system's own, shared with every program there; elsewhere it is in this process's memory, holds at most 8
 * MiB in 4096 items of at most 64 KiB, and drops what was used longest ago.
 *
 * It knows no owners: keep here what anybody may read from the card, such as certificates, and nothing that
 * takes a PIN.
 */
export class ItemCache {
  /**
   * SCardReadCache. Rejects with
   * - SCARD_W_CACHE_ITEM_STALE: the item was stored under a lower freshness than asked for, and has been deleted;
   * - SCARD_W_CACHE_ITEM_NOT_FOUND: there is none of this key and freshness.
   */
  async read(key: ItemKey, options?: WaitOptions): Promise<Uint8Array> {
    const { cardId, name, freshness } = checkKey(key);
    return waitFor('SCardReadCache', undefined, options, (cancel) =>
      native.readItem(cardId, name, freshness, cancel?.native),
    );
  }

  /**
   * SCardWriteCache: stores an item, in place of one of the same card and name. The data is copied. Rejects with
   * SCARD_W_CACHE_ITEM_TOO_BIG.
   */
  async write(item: ItemKey & { data: Uint8Array }, options?: WaitOptions): Promise<void> {
    const { cardId, name, freshness } = checkKey(item);
    const { data } = item;
    checkBytes(data, 'data');
    return waitFor('SCardWriteCache', undefined, options, (cancel) =>
      native.writeItem(cardId, name, freshness, data, cancel?.native),
    );
  }

  /**
   * Reads the item, or, where there is none that is fresh, has it loaded, stores it and gives it. One that is too
   * big to be stored is given all the same.
   */
  async readOrLoad(
    key: ItemKey,
    load: () => Promise<Uint8Array> | Uint8Array,
    options?: WaitOptions,
  ): Promise<Uint8Array> {
    try {
      return await this.read(key, options);
    } catch (error) {
      if (!hasCode(error, 'SCARD_W_CACHE_ITEM_NOT_FOUND', 'SCARD_W_CACHE_ITEM_STALE')) throw error;
    }
    const data = await load();
    try {
      await this.write({ ...key, data }, options);
    } catch (error) {
      if (!hasCode(error, 'SCARD_W_CACHE_ITEM_TOO_BIG')) throw error;
    }
    return data;
  }
}

/** What a card's cardcf file says: counters that whoever changes the card raises. */
export interface CardCacheFile {
  version: number;
  /** Raised when a PIN changes. */
  pinsFreshness: number;
  /** Raised when a key container changes. */
  containersFreshness: number;
  /** Raised when a file changes. */
  filesFreshness: number;
}

/**
 * Reads cardcf, the Base CSP's file of freshness counters (CARD_CACHE_FILE_FORMAT, Windows Smart Card Minidriver
 * Specification): BYTE version, BYTE pins, WORD containers, WORD files, least significant byte first. Together
 * with the 16 bytes of the file cardid, `{ cardId, freshness }` of the card's items:
 *
 * ```ts
 * const { filesFreshness } = parseCardCacheFile(await readFile('cardcf'));
 * const key = { cardId: await readFile('cardid'), name: 'mscp\\kxc00', freshness: filesFreshness };
 * const certificate = await bridge.items.readOrLoad(key, () => readFile('mscp\\kxc00'));
 * ```
 *
 * @throws {RangeError} The file is shorter than 6 bytes.
 */
export function parseCardCacheFile(bytes: Uint8Array): CardCacheFile {
  checkBytes(bytes, 'bytes');
  if (bytes.length < 6) throw new RangeError(`a cardcf file has 6 bytes, this one has ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    version: view.getUint8(0),
    pinsFreshness: view.getUint8(1),
    containersFreshness: view.getUint16(2, true),
    filesFreshness: view.getUint16(4, true),
  };
}

function checkKey({ cardId, name, freshness = 0 }: ItemKey): ItemKey & { freshness: number } {
  checkBytes(cardId, 'cardId');
  if (cardId.length !== 16) throw new RangeError(`a cardId has 16 bytes, this one has ${cardId.length}`);
  if (typeof name !== 'string' || name === '' || name.includes('\0')) {
    throw new TypeError('name must be a text that is not empty and has no zero in it');
  }
  checkNumber(freshness, 'freshness');
  return { cardId, name, freshness };
}

function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof PcscError && codes.includes(error.code);
}
