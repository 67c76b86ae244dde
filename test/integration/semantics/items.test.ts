/** The item cache: SCardReadCacheW and SCardWriteCacheW on Windows, in the process elsewhere. */
import { expect, test } from 'vitest';
import { FakePcsc, onWindows } from '../../support/fake-pcsc.js';

const largest = 64 * 1024;

test('items are read, found stale, replaced and rejected alike in both implementations', async () => {
  const fake = new FakePcsc(`set largest-item ${largest}`);
  const seen = await fake.run(async ({ bridge: { CardBridge }, errorOf, mayLeave }, largest) => {
    mayLeave(); // the context for items belongs to the process
    const bridge = new CardBridge();
    const cardId = Uint8Array.from({ length: 16 }, (_, index) => index);
    const key = (freshness: number, name = 'Zertifikat für Ärzte') => ({ cardId, name, freshness });
    const codeOf = async (promise: Promise<unknown>) => (await errorOf(promise)).code;
    const seen: unknown[] = [];
    seen.push(await codeOf(bridge.items.read(key(1))));
    await bridge.items.write({ ...key(2), data: Uint8Array.of(1, 2, 3) });
    seen.push(await bridge.items.read(key(2)));
    seen.push(await codeOf(bridge.items.read(key(1))));
    seen.push(await codeOf(bridge.items.read(key(3))));
    // The stale one has been deleted.
    seen.push(await codeOf(bridge.items.read(key(2))));
    await bridge.items.write({ ...key(4), data: new Uint8Array(largest).fill(7) });
    seen.push((await bridge.items.read(key(4))).length);
    seen.push(await codeOf(bridge.items.write({ ...key(5), data: new Uint8Array(largest + 1) })));
    seen.push(await codeOf(bridge.items.read({ ...key(4), cardId: new Uint8Array(16) })));
    await bridge.items.write({ ...key(0, 'empty'), data: new Uint8Array(0) });
    seen.push(await bridge.items.read(key(0, 'empty')));
    let loads = 0;
    for (let i = 0; i < 2; i++) {
      seen.push(await bridge.items.readOrLoad(key(9, 'loaded'), () => Uint8Array.of(++loads)));
    }
    await bridge.close();
    return seen;
  }, largest);
  expect(seen).toEqual([
    'SCARD_W_CACHE_ITEM_NOT_FOUND',
    '010203',
    'SCARD_W_CACHE_ITEM_NOT_FOUND',
    'SCARD_W_CACHE_ITEM_STALE',
    'SCARD_W_CACHE_ITEM_NOT_FOUND',
    largest,
    'SCARD_W_CACHE_ITEM_TOO_BIG',
    'SCARD_W_CACHE_ITEM_NOT_FOUND',
    '',
    '01',
    '01',
  ]);
  expect(fake.left()).toHaveLength(onWindows ? 1 : 0);
  const calls = fake.calls('SCardReadCache', 'SCardWriteCache');
  if (onWindows) expect(calls[0]).toMatchObject({ item: 'Zertifikat für Ärzte', freshness: 1 });
  else expect(calls).toEqual([]);
});

test('an item of another program, larger than the first buffer, is read, also after a restart', async (context) => {
  context.skip(!onWindows, 'only Windows has a cache that programs share');
  const card = '000102030405060708090A0B0C0D0E0F';
  const data = Buffer.alloc(100_000, 'item ').toString('hex').toUpperCase();
  const fake = new FakePcsc(`item ${card} theirs 3 ${data}`);
  const seen = await fake.run(async ({ bridge: { CardBridge }, fake, mayLeave }, card) => {
    mayLeave();
    const bridge = new CardBridge();
    const key = { cardId: new Uint8Array(Buffer.from(card, 'hex')), name: 'theirs', freshness: 3 };
    const before = await bridge.items.read(key);
    await fake.tell('stop-service 6', 'start-service 6');
    const after = await bridge.items.read(key);
    await bridge.close();
    return { before, same: Buffer.compare(before, after) === 0 };
  }, card);
  expect(seen).toEqual({ before: data, same: true });
  expect(fake.left()).toHaveLength(1);
});
