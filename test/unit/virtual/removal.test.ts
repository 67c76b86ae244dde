import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../../src/apdu/index.js';
import { FakeReader } from './fake-reader.js';
import { SELECT_TEST, TestApplet } from './test-applet.js';

test('removing a card ends the link, and doing so again is harmless', async () => {
  await using reader = await FakeReader.listen();
  const card = await reader.insert([]);
  await card.remove();
  await card.remove();
  expect(await card.closed).toEqual({ reason: 'removed' });
});

test('a reader that closes the link closes the card', async () => {
  await using reader = await FakeReader.listen();
  const card = await reader.insert([]);
  reader.hangUp();
  expect(await card.closed).toMatchObject({ reason: 'reader-gone' });
});

test('a card can be removed while an APDU is in progress', async () => {
  await using reader = await FakeReader.listen();
  const card = await reader.insert([new TestApplet()]);
  await reader.transmit(SELECT_TEST);
  reader.send(fromHex('001CFF0000'));
  await card.remove();
  expect((await card.closed).reason).toBe('removed');
});

test('applets can be inserted again, without their volatile state', async () => {
  const applet = new TestApplet();
  await using reader = await FakeReader.listen();
  const card = await reader.insert([applet]);
  await reader.transmit(SELECT_TEST);
  await reader.transmit('00140007');
  await card.remove();
  expect(applet.state).toBe(0);
  await using _again = await reader.insert([applet]);
  expect(await reader.transmit(SELECT_TEST)).toBe('9000');
});

test('commands still queued when the reader closed the link are not processed', async () => {
  const applet = new TestApplet();
  await using reader = await FakeReader.listen();
  const card = await reader.insert([applet]);
  await reader.transmit(SELECT_TEST);
  reader.send(fromHex('001C320000'));
  reader.send(fromHex('001E000001AA'));
  while (card.apduCount < 3) await setImmediate();
  reader.hangUp();
  await card.closed;
  while (applet.running > 0) await setImmediate();
  await setImmediate();
  expect(applet.kept).toBeUndefined();
});

describe('remove resolves when the reader has noticed', () => {
  const POLL = 400;

  test('the next poll finds no card', async () => {
    await using reader = await FakeReader.listen();
    const card = await reader.insert([]);
    const began = performance.now();
    await card.remove();
    expect(performance.now() - began).toBeGreaterThan(POLL / 2);
    expect(reader.connections).toBe(1);
  });

  test('a check before the next poll is a client: the poll after it counts', async () => {
    await using reader = await FakeReader.listen();
    const card = await reader.insert([]);
    reader.pollPeriod = 50;
    await card.remove();
    expect(reader.connections).toBeGreaterThan(1);
  });

  test('the reader is gone', async () => {
    const reader = await FakeReader.listen();
    const card = await reader.insert([]);
    const removed = card.remove();
    await reader[Symbol.asyncDispose]();
    await removed;
  });

  test('a reader that does not poll is given two seconds', async () => {
    await using reader = await FakeReader.listen();
    const card = await reader.insert([]);
    reader.pollPeriod = 60_000;
    const began = performance.now();
    await card.remove();
    expect(performance.now() - began).toBeGreaterThan(1900);
    expect(await card.closed).toEqual({ reason: 'removed' });
  });
});
