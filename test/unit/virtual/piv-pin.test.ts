import { expect, test } from 'vitest';
import { ASK_PIN_STATE, PivReader, SELECT_PIV, VERIFY, VERIFY_WRONG } from './piv-reader.js';

test('the right PIN is verified, and an empty VERIFY reports that', async () => {
  await using piv = await PivReader.with();
  expect(await piv.transmit(ASK_PIN_STATE)).toBe('63C3');
  expect(await piv.transmit(VERIFY)).toBe('9000');
  expect(await piv.transmit(ASK_PIN_STATE)).toBe('9000');
});

test('wrong PINs count down until the PIN is blocked, then even the right one is refused', async () => {
  await using piv = await PivReader.with({ retries: 2 });
  expect(await piv.transmit(VERIFY_WRONG)).toBe('63C1');
  expect(await piv.transmit(VERIFY_WRONG)).toBe('63C0');
  expect(await piv.transmit(VERIFY)).toBe('6983');
  expect(await piv.transmit(ASK_PIN_STATE)).toBe('6983');
});

test('the right PIN restores all tries', async () => {
  await using piv = await PivReader.with();
  await piv.transmit(VERIFY_WRONG);
  await piv.transmit(VERIFY);
  expect(piv.piv.pin.retriesLeft).toBe(3);
});

test('a wrong PIN revokes an earlier verification', async () => {
  await using piv = await PivReader.with();
  await piv.transmit(VERIFY);
  await piv.transmit(VERIFY_WRONG);
  expect(await piv.transmit(ASK_PIN_STATE)).toBe('63C2');
});

test.each([
  ['too short', '00200080 06 313233343536'],
  ['not padded with FF', '00200080 08 3132333435360000'],
  ['with letters', '00200080 08 414243444546FFFF'],
  ['of five digits', '00200080 08 3132333435FFFFFF'],
  ['padded in the middle', '00200080 08 313233343536FF38'],
])('a PIN %s is 6A80 and costs no try', async (_how, apdu) => {
  await using piv = await PivReader.with();
  expect(await piv.transmit(apdu)).toBe('6A80');
  expect(await piv.transmit(ASK_PIN_STATE)).toBe('63C3');
});

test('VERIFY supports only the PIV PIN', async () => {
  await using piv = await PivReader.with();
  expect(await piv.transmit('00200000 08 313233343536FFFF')).toBe('6A88');
  expect(await piv.transmit('00200180 08 313233343536FFFF')).toBe('6A86');
});

test('VERIFY with P1 = FF revokes the verification', async () => {
  await using piv = await PivReader.with();
  await piv.transmit(VERIFY);
  expect(await piv.transmit('0020FF80')).toBe('9000');
  expect(await piv.transmit(ASK_PIN_STATE)).toBe('63C3');
});

test('a reset revokes the verification but keeps the counter', async () => {
  await using piv = await PivReader.with();
  await piv.transmit(VERIFY_WRONG);
  piv.reader.reset();
  await piv.transmit(SELECT_PIV);
  expect(await piv.transmit(ASK_PIN_STATE)).toBe('63C2');
  await piv.transmit(VERIFY);
  piv.reader.reset();
  await piv.transmit(SELECT_PIV);
  expect(await piv.transmit(ASK_PIN_STATE)).toBe('63C3');
});

test('selecting the application again keeps the verification', async () => {
  await using piv = await PivReader.with();
  await piv.transmit(VERIFY);
  await piv.transmit(SELECT_PIV);
  expect(await piv.transmit(ASK_PIN_STATE)).toBe('9000');
});

test('a card rejects a PIN that no host could enter', async () => {
  await expect(PivReader.with({ pin: '1234' })).rejects.toThrow('6 to 8 decimal digits');
  await expect(PivReader.with({ puk: 'short' })).rejects.toThrow('6 to 8 ASCII characters');
  await expect(PivReader.with({ retries: 16 })).rejects.toThrow(RangeError);
});
