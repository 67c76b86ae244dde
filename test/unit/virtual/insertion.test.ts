import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { fromHex, toHex } from '../../../src/apdu/index.js';
import { buildAtr, VirtualCard } from '../../../src/testing/virtual/index.js';
import { FakeReader } from './fake-reader.js';

test('a card is in the reader after the reader has powered it and read its ATR', async () => {
  await using reader = await FakeReader.listen();
  reader.powersCards = false;
  let inserted = false;
  const connection = reader.connection();
  const pending = reader.insert([]).then((card) => {
    inserted = true;
    return card;
  });
  await connection;
  await reader.atr();
  expect(inserted).toBe(false);
  reader.powerOn();
  expect(await reader.atr()).toBe(toHex(buildAtr()));
  await using card = await pending;
  expect(card.apduCount).toBe(0);
});

test('a card has the given ATR', async () => {
  await using reader = await FakeReader.listen();
  await using _card = await reader.insert([], { atr: fromHex('3B00') });
  expect(await reader.atr()).toBe('3B00');
});

test('insertion into a slot that does not power the card times out', async () => {
  await using reader = await FakeReader.listen();
  reader.powersCards = false;
  await expect(reader.insert([], { timeout: 50 })).rejects.toThrow(/did not power the card within 50 ms/);
});

test('a port without a listener is an error that names it', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const insert = VirtualCard.insert({ port, applets: [] });
  await expect(insert).rejects.toThrow(`The reader at 127.0.0.1:${port} did not take the card`);
  await expect(insert).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
});
