/** The item cache: data read from cards, kept for later readers (SCardReadCache, SCardWriteCache). */
import { PcscError } from '../errors.js';
import { native } from '../native/addon.js';
import { type WaitOptions, waitFor } from '../support/cancellation.js';
import { checkBytes, checkNumber } from '../support/validation.js';

/** The key of an item. */
export interface ItemKey {
  /** The card id, 16 bytes that identify the card: the GUID of a PIV card, the cardid of the Base CSP. */
  cardId: Uint8Array;
  /** The name of the item, not empty and without zero characters. */
  name: string;
  /**
   * The card's present freshness counter for items of this kind, 0 to 2^32 - 1. The counter rises when such items
   * change on the card. For cards with a Base CSP file system see `parseCardCacheFile`.
   * @default 0
   */
  freshness?: number | undefined;
}

/**
 * `bridge.items`: the item cache, shared by all bridges, sessions and worker threads of the process. On Windows it is
 * the system's cache, shared with all programs. Elsewhere it is in the memory of this process; it holds at most 4096
 * items, 64 KiB per item and 8 MiB in total, and drops the least recently used items first.
 *
 * Items have no owner. Store only data that every user may read from the card, such as certificates, and no data that
 * needs a PIN.
 */
export class ItemCache {
  /**
   * Reads an item (SCardReadCache).
   *
   * @throws {PcscError} SCARD_W_CACHE_ITEM_NOT_FOUND: there is no item with this key and freshness.
   *   SCARD_W_CACHE_ITEM_STALE: the item was stored with a lower freshness, and has been deleted.
   * @throws {TypeError | RangeError} The key is invalid.
   */
  async read(key: ItemKey, options?: WaitOptions): Promise<Uint8Array> {
    const { cardId, name, freshness } = checkKey(key);
    return waitFor('SCardReadCache', undefined, options, (cancel) =>
      native.readItem(cardId, name, freshness, cancel?.native),
    );
  }

  /**
   * Stores an item and replaces one with the same card id and name (SCardWriteCache). The data is copied.
   *
   * @throws {PcscError} SCARD_W_CACHE_ITEM_TOO_BIG: the item is too large.
   * @throws {TypeError | RangeError} The key or the data is invalid.
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
   * Reads an item. If it is missing or stale, calls `load`, stores the result and returns it. An item that is too large
   * to store is still returned.
   *
   * @param load - Reads the item from the card.
   * @throws {TypeError | RangeError} The key is invalid. Errors of `load` pass through.
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

/** The content of a card's cardcf file. A program that changes the card raises the counters. */
export interface CardCacheFile {
  /** The version of the format. */
  version: number;
  /** Raised when a PIN changes. */
  pinsFreshness: number;
  /** Raised when a key container changes. */
  containersFreshness: number;
  /** Raised when a file changes. */
  filesFreshness: number;
}

/**
 * Decodes cardcf, the Base CSP's file of freshness counters (CARD_CACHE_FILE_FORMAT, Windows Smart Card Minidriver
 * Specification): BYTE version, BYTE pins, WORD containers, WORD files, least significant byte first. Together with the
 * file cardid (16 bytes) it gives the key of an item:
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
