/** Storage cards behind pcscd: the pseudo-APDUs reach them, and their ATR names them. */
import { afterAll, expect, test } from 'vitest';
import { fromHex, parseAtr, storageCardOf, toHex } from '../../../src/apdu/index.js';
import {
  authenticate,
  loadKey,
  readBinary,
  readNdef,
  readUid,
  updateBinary,
  uriOf,
} from '../../../src/contactless/index.js';
import { StorageCard } from '../../../src/testing/virtual/index.js';
import { openBridge, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 2 });
const bridge = openBridge();
const session = await bridge.openSession({ id: 1, connectTime: 1n });
const tag = await StorageCard.insertStorage({
  port: readerAt(rig).port,
  uid: fromHex('04A1B2C3D4E5F6'),
  ndef: fromHex('D1010C55046578616D706C652E636F6D'),
});
const classic = await StorageCard.insertStorage({ port: readerAt(rig, 1).port, kind: 'MIFARE Classic 1K' });
afterAll(() => Promise.all([tag.remove(), classic.remove()]));

test('a tag has its UID, its NDEF message and the name of its kind', async () => {
  await session.transaction(readerAt(rig).name, async (card) => {
    expect(toHex(await readUid(card))).toBe('04A1B2C3D4E5F6');
    const [record] = await readNdef(card);
    expect(record && uriOf(record)).toBe('https://example.com');
    const atr = parseAtr((await card.status()).atr);
    expect(atr && storageCardOf(atr.historicalBytes)).toMatchObject({ name: 'MIFARE Ultralight' });
  });
});

test('what one session writes to a MIFARE Classic another one reads, each with the key', async () => {
  const { name } = readerAt(rig, 1);
  const key = new Uint8Array(6).fill(0xff);
  const data = fromHex('000102030405060708090A0B0C0D0E0F');
  await session.transaction(name, async (card) => {
    await loadKey(card, key);
    await authenticate(card, 4);
    await updateBinary(card, 4, data);
  });
  const other = await bridge.openSession({ id: 2, connectTime: 1n });
  await other.transaction(name, async (card) => {
    // The cache has reset the card since, which closes the sector.
    await expect(readBinary(card, 4, 16)).rejects.toMatchObject({ code: 'CONTACTLESS_NOT_AUTHENTICATED' });
    await loadKey(card, key);
    await authenticate(card, 4);
    expect(await readBinary(card, 4, 16)).toEqual(data);
  });
});
