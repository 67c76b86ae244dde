import { describe, expect, test } from 'vitest';
import { carriesSecret, fromHex, toHex } from '../../../src/apdu/index.js';
import {
  authenticate,
  type ContactlessCard,
  loadKey,
  readAts,
  readBinary,
  readUid,
  updateBinary,
} from '../../../src/contactless/index.js';
import { type StorageKind, StorageMemory } from '../../../src/testing/virtual/index.js';

const factoryKey = new Uint8Array(6).fill(0xff);
const text = new TextEncoder().encode('sixteen bytes...');

function newCard(kind: StorageKind) {
  const memory = new StorageMemory(kind, fromHex('04A1B2C3'));
  const sent: Uint8Array[] = [];
  const commands: string[] = [];
  const card: ContactlessCard = {
    async transmit(apdu) {
      sent.push(apdu);
      commands.push(toHex(apdu));
      return (await memory.process(apdu)).encode();
    },
  };
  return { memory, card, sent, commands };
}

/** A reader that answers every command with these bytes. */
const answers = (hex: string): ContactlessCard => ({ transmit: async () => fromHex(hex) });

describe('the commands have the form of PC/SC part 3', () => {
  test.each([
    ['Get Data, UID', (card) => readUid(card), 'FFCA000000'],
    ['Get Data, ATS', (card) => readAts(card).catch(() => {}), 'FFCA010000'],
    ['Load Keys', (card) => loadKey(card, factoryKey, { slot: 1 }), 'FF82000106FFFFFFFFFFFF'],
    [
      'Load Keys, persistent',
      (card) => loadKey(card, factoryKey, { persistent: true }),
      'FF82200006FFFFFFFFFFFF',
    ],
    ['General Authenticate', (card) => authenticate(card, 4).catch(() => {}), 'FF860000050100046000'],
    [
      'General Authenticate with key B in slot 1',
      (card) => authenticate(card, 0x102, { keyType: 'B', slot: 1 }).catch(() => {}),
      'FF860000050101026101',
    ],
    ['Read Binary', (card) => readBinary(card, 4, 16).catch(() => {}), 'FFB0000410'],
    ['Read Binary of 256 bytes', (card) => readBinary(card, 4, 256).catch(() => {}), 'FFB0000400'],
    ['Update Binary', (card) => updateBinary(card, 5, Uint8Array.of(1, 2)).catch(() => {}), 'FFD60005020102'],
  ] as [string, (card: ContactlessCard) => Promise<unknown>, string][])('%s', async (_, call, expected) => {
    const { card, commands } = newCard('MIFARE Classic 1K');
    await call(card);
    expect(commands).toEqual([expected]);
  });
});

test('the UID is that of the card', async () => {
  expect(toHex(await readUid(newCard('NTAG213').card))).toBe('04A1B2C3');
});

test('a MIFARE Classic is read and written after its sector was opened with a loaded key', async () => {
  const { card } = newCard('MIFARE Classic 1K');
  await expect(readBinary(card, 4, 16)).rejects.toMatchObject({
    code: 'CONTACTLESS_NOT_AUTHENTICATED',
    statusWord: 0x6982,
  });
  await loadKey(card, factoryKey);
  await authenticate(card, 4);
  await updateBinary(card, 5, text);
  expect(await readBinary(card, 5, 16)).toEqual(text);
  // Another sector is still closed.
  await expect(readBinary(card, 8, 16)).rejects.toMatchObject({ code: 'CONTACTLESS_NOT_AUTHENTICATED' });
});

test('a wrong key is an error, and closes the sector', async () => {
  const { card } = newCard('MIFARE Classic 1K');
  await loadKey(card, factoryKey);
  await loadKey(card, fromHex('A0A1A2A3A4A5'), { slot: 1 });
  await authenticate(card, 4);
  await expect(authenticate(card, 4, { slot: 1 })).rejects.toMatchObject({
    name: 'ContactlessError',
    code: 'CONTACTLESS_WRONG_KEY',
    message: expect.stringContaining('authenticate block 4'),
  });
  await expect(readBinary(card, 4, 16)).rejects.toMatchObject({ code: 'CONTACTLESS_NOT_AUTHENTICATED' });
});

test('key A of a sector is not shown, key B opens it', async () => {
  const { card } = newCard('MIFARE Classic 1K');
  await loadKey(card, factoryKey);
  await authenticate(card, 7, { keyType: 'B' });
  expect(toHex(await readBinary(card, 7, 16))).toBe('000000000000FF078069FFFFFFFFFFFF');
});

test('an NTAG213 needs no key, and its first pages cannot be written', async () => {
  const { card } = newCard('NTAG213');
  await updateBinary(card, 4, Uint8Array.of(1, 2, 3, 4));
  expect((await readBinary(card, 4, 16)).subarray(0, 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
  await expect(updateBinary(card, 3, new Uint8Array(4))).rejects.toMatchObject({ name: 'ContactlessError' });
});

test('the command with the key counts as a secret and is wiped after it was sent', async () => {
  const { card, sent, commands } = newCard('MIFARE Classic 1K');
  await loadKey(card, factoryKey);
  expect(carriesSecret(fromHex(commands[0] ?? ''))).toBe(true);
  expect(sent[0]?.every((byte) => byte === 0)).toBe(true);
});

test.each([
  ['6D00', 'CONTACTLESS_UNSUPPORTED'],
  ['6E00', 'CONTACTLESS_UNSUPPORTED'],
  ['6A81', 'CONTACTLESS_UNSUPPORTED'],
  ['6F00', 'CONTACTLESS_REFUSED'],
])('a reader that answers the UID with %s causes %s', async (sw, code) => {
  await expect(readUid(answers(sw))).rejects.toMatchObject({ code, statusWord: Number.parseInt(sw, 16) });
});

test('values out of range are errors, and nothing is sent', async () => {
  const { card, commands } = newCard('NTAG213');
  await expect(loadKey(card, new Uint8Array(0))).rejects.toThrow(RangeError);
  await expect(loadKey(card, factoryKey, { slot: 256 })).rejects.toThrow(
    'The slot is a whole number from 0 to 255',
  );
  await expect(authenticate(card, -1)).rejects.toThrow(RangeError);
  expect(() => readBinary(card, 65_536, 16)).toThrow(RangeError);
  expect(() => readBinary(card, 4, 257)).toThrow('A read returns 1 to 256 bytes');
  await expect(updateBinary(card, 4, new Uint8Array(0))).rejects.toThrow(RangeError);
  expect(commands).toEqual([]);
});
