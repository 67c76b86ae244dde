import { expect, test } from 'vitest';
import { PivReader, VERIFY, VERIFY_WRONG } from './piv-reader.js';

const PIN = '313233343536FFFF';
const NEW_PIN = '363534333231FFFF';
const PUK = '3132333435363738';
const NEW_PUK = '3837363534333231';

test('the current PIN allows a new PIN', async () => {
  await using piv = await PivReader.with();
  expect(await piv.transmit(`00240080 10 ${PIN}${NEW_PIN}`)).toBe('9000');
  expect(await piv.transmit(VERIFY)).toBe('63C2');
  expect(await piv.transmit(`00200080 08 ${NEW_PIN}`)).toBe('9000');
});

test('a change with a wrong PIN costs a try and changes nothing', async () => {
  await using piv = await PivReader.with();
  expect(await piv.transmit(`00240080 10 ${NEW_PIN}${NEW_PIN}`)).toBe('63C2');
  expect(await piv.transmit(VERIFY)).toBe('9000');
});

test('a new PIN in the wrong format is 6A80 and costs no try', async () => {
  await using piv = await PivReader.with();
  expect(await piv.transmit(`00240080 10 ${PIN}3132FFFFFFFFFFFF`)).toBe('6A80');
  expect(await piv.transmit('00240080 08 313233343536FFFF')).toBe('6A80');
  expect(piv.piv.pin.retriesLeft).toBe(3);
});

test('the PUK can be changed, too', async () => {
  await using piv = await PivReader.with();
  expect(await piv.transmit(`00240081 10 ${PUK}${NEW_PUK}`)).toBe('9000');
  expect(await piv.transmit(`002C0080 10 ${PUK}${NEW_PIN}`)).toBe('63C2');
  expect(await piv.transmit(`002C0080 10 ${NEW_PUK}${NEW_PIN}`)).toBe('9000');
});

test('the PUK allows a new PIN after the PIN is blocked', async () => {
  await using piv = await PivReader.with({ retries: 1 });
  await piv.transmit(VERIFY_WRONG);
  expect(await piv.transmit(VERIFY)).toBe('6983');
  expect(await piv.transmit(`002C0080 10 ${PUK}${NEW_PIN}`)).toBe('9000');
  expect(await piv.transmit(`00200080 08 ${NEW_PIN}`)).toBe('9000');
});

test('wrong PUKs block the PUK', async () => {
  await using piv = await PivReader.with({ retries: 1 });
  expect(await piv.transmit(`002C0080 10 ${NEW_PUK}${NEW_PIN}`)).toBe('63C0');
  expect(await piv.transmit(`002C0080 10 ${PUK}${NEW_PIN}`)).toBe('6983');
});
