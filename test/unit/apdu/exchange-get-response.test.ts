import { expect, test } from 'vitest';
import { exchange, fromHex, toHex } from '../../../src/apdu/index.js';
import { scriptedCard } from './scripted-card.js';

test('a response announced by 61xx is fetched and joined', async () => {
  const card = scriptedCard(
    ['00CB3FFF 02 5C00 00', '0102 6102'],
    ['00C00000 02', '0304 6100'],
    ['00C00000 00', '05 9000'],
  );
  const response = await exchange(card, fromHex('00CB3FFF025C0000'));
  expect(toHex(response.data)).toBe('0102030405');
  expect(response.sw).toBe(0x9000);
});

test('the rest is fetched on the same logical channel', async () => {
  const card = scriptedCard(['02CA0000 00', '6101'], ['02C00000 01', 'AA 9000']);
  expect(toHex((await exchange(card, fromHex('02CA000000'))).data)).toBe('AA');
});

test('an error in the middle ends the response, with the data so far', async () => {
  const card = scriptedCard(['00CA0000 00', '01 6101'], ['00C00000 01', '6985']);
  const response = await exchange(card, fromHex('00CA000000'));
  expect(response.sw).toBe(0x6985);
  expect(toHex(response.data)).toBe('01');
});

test('a card that announces data without end is stopped', async () => {
  await expect(exchange(async () => fromHex('6110'), fromHex('00CA000000'))).rejects.toThrow(
    /without coming to an end/,
  );
});

test('a card that returns one byte at a time is stopped after 1024 pieces', async () => {
  let sent = 0;
  const card = async () => {
    sent += 1;
    return fromHex('00 6101');
  };
  await expect(exchange(card, fromHex('00CA000000'))).rejects.toThrow(
    'The card gives its response (61xx) in more than 1024 pieces.',
  );
  expect(sent).toBe(1025);
});

test('a response of 1024 short pieces is returned whole', async () => {
  let left = 1024;
  const card = async () => fromHex(left-- > 0 ? '2A 6101' : '2A 9000');
  expect((await exchange(card, fromHex('00CA000000'))).data).toHaveLength(1025);
});
