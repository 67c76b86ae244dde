import { describe, expect, test } from 'vitest';
import { CardBridge } from '../../../src/index.js';
import { openBridge } from '../../support/rig.js';
import { item, newCard } from './helpers.js';

const { items } = openBridge();

test('an item that was written is read, in every bridge, as a copy', async () => {
  const cardId = newCard();
  const data = item(100);
  await items.write({ cardId, name: 'cert', freshness: 3, data });
  data.fill(0);
  (await items.read({ cardId, name: 'cert', freshness: 3 })).fill(1);
  await using other = new CardBridge();
  expect(await other.items.read({ cardId, name: 'cert', freshness: 3 })).toEqual(item(100));
});

test('concurrent calls are served in order, and the last write stays', async () => {
  const cardId = newCard();
  const writes = Array.from({ length: 50 }, (_, n) =>
    items.write({ cardId, name: 'cert', data: item(10, n) }),
  );
  const read = items.read({ cardId, name: 'cert' });
  await Promise.all(writes);
  expect(await read).toEqual(item(10, 49));
});

test('freshness is 0 by default', async () => {
  const cardId = newCard();
  await items.write({ cardId, name: 'cert', data: item(1) });
  expect(await items.read({ cardId, name: 'cert', freshness: 0 })).toEqual(item(1));
});

test('a name may be in any language', async () => {
  const cardId = newCard();
  await items.write({ cardId, name: 'Schlüssel 鍵', data: item(1) });
  expect(await items.read({ cardId, name: 'Schlüssel 鍵' })).toEqual(item(1));
});

test('an item older than the requested freshness is stale, and is then deleted', async () => {
  const cardId = newCard();
  await items.write({ cardId, name: 'cert', freshness: 4, data: item(1) });
  const fresher = { cardId, name: 'cert', freshness: 5 };
  await expect(items.read(fresher)).rejects.toMatchObject({
    name: 'PcscError',
    code: 'SCARD_W_CACHE_ITEM_STALE',
    value: 0x80100071,
    operation: 'SCardReadCache',
  });
  const gone = { code: 'SCARD_W_CACHE_ITEM_NOT_FOUND', value: 0x80100070 };
  await expect(items.read(fresher)).rejects.toMatchObject(gone);
  await expect(items.read({ cardId, name: 'cert', freshness: 4 })).rejects.toMatchObject(gone);
});

test('the items of another card, or of another name, are not found', async () => {
  const cardId = newCard();
  await items.write({ cardId, name: 'cert', data: item(1) });
  const code = 'SCARD_W_CACHE_ITEM_NOT_FOUND';
  await expect(items.read({ cardId: newCard(), name: 'cert' })).rejects.toMatchObject({ code });
  await expect(items.read({ cardId, name: 'cert2' })).rejects.toMatchObject({ code });
});

test('an item that is too big is rejected', async () => {
  const cardId = newCard();
  await items.write({ cardId, name: 'big', data: item(65_536) });
  await expect(items.write({ cardId, name: 'big', freshness: 1, data: item(65_537) })).rejects.toMatchObject({
    code: 'SCARD_W_CACHE_ITEM_TOO_BIG',
    value: 0x80100072,
    operation: 'SCardWriteCache',
  });
  expect(await items.read({ cardId, name: 'big' })).toHaveLength(65_536);
});

test('a full cache deletes the least recently used item', async () => {
  const cardId = newCard();
  const write = (n: number) => items.write({ cardId, name: `item ${n}`, data: item(65_536, n) });
  for (let n = 0; n < 100; n++) await write(n);
  await items.read({ cardId, name: 'item 0' });
  for (let n = 100; n < 160; n++) await write(n);
  expect(await items.read({ cardId, name: 'item 0' })).toEqual(item(65_536, 0));
  expect(await items.read({ cardId, name: 'item 159' })).toEqual(item(65_536, 159));
  await expect(items.read({ cardId, name: 'item 1' })).rejects.toMatchObject({
    code: 'SCARD_W_CACHE_ITEM_NOT_FOUND',
  });
});

test('an aborted call does nothing', async () => {
  const cardId = newCard();
  const signal = AbortSignal.abort();
  const aborted = items.write({ cardId, name: 'cert', data: item(1) }, { signal });
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
  await expect(items.read({ cardId, name: 'cert' })).rejects.toMatchObject({
    code: 'SCARD_W_CACHE_ITEM_NOT_FOUND',
  });
});

describe('readOrLoad', () => {
  test('loads a missing or stale item, once', async () => {
    const cardId = newCard();
    let loads = 0;
    const load = () => item(5, ++loads);
    const key = { cardId, name: 'cert', freshness: 1 };
    expect(await items.readOrLoad(key, load)).toEqual(item(5, 1));
    expect(await items.readOrLoad(key, load)).toEqual(item(5, 1));
    expect(await items.readOrLoad({ ...key, freshness: 2 }, load)).toEqual(item(5, 2));
    expect(await items.readOrLoad({ ...key, freshness: 2 }, load)).toEqual(item(5, 2));
    expect(loads).toBe(2);
  });

  test('returns an item that is too big to be kept', async () => {
    const key = { cardId: newCard(), name: 'big' };
    expect(await items.readOrLoad(key, () => item(70_000))).toHaveLength(70_000);
    await expect(items.read(key)).rejects.toMatchObject({ code: 'SCARD_W_CACHE_ITEM_NOT_FOUND' });
  });

  test('rejects with the error of the loader, and keeps nothing', async () => {
    const key = { cardId: newCard(), name: 'cert' };
    const fail = () => Promise.reject(new Error('no card'));
    await expect(items.readOrLoad(key, fail)).rejects.toThrow('no card');
    await expect(items.read(key)).rejects.toMatchObject({ code: 'SCARD_W_CACHE_ITEM_NOT_FOUND' });
  });
});

test.each<[string, object, RegExp]>([
  ['a card id of 15 bytes', { cardId: new Uint8Array(15) }, /16 bytes/],
  ['a card id as text', { cardId: '0123456789abcdef' }, /cardId must be a Uint8Array/],
  ['an empty name', { name: '' }, /name/],
  ['a name with a zero', { name: 'a\0b' }, /name/],
  ['a negative freshness', { freshness: -1 }, /freshness/],
  ['a freshness of 33 bits', { freshness: 2 ** 32 }, /freshness/],
  ['data that is not bytes', { data: 'text' }, /data must be a Uint8Array/],
])('%s is rejected', async (_, wrong, message) => {
  const right = { cardId: newCard(), name: 'cert', freshness: 0, data: item(1) };
  await expect(items.write({ ...right, ...wrong })).rejects.toThrow(message);
});
