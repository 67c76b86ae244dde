import { expect, test } from 'vitest';
import { exchange, fromHex } from '../../../src/apdu/index.js';

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
