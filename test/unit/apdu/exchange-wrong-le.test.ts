import { expect, test } from 'vitest';
import { exchange, fromHex, toHex } from '../../../src/apdu/index.js';
import { scriptedCard } from './scripted-card.js';

test('a command that got 6Cxx is sent again with the Le that the card specified', async () => {
  const card = scriptedCard(['00CA0000 00', '6C02'], ['00CA0000 02', 'BEEF 9000']);
  expect(toHex((await exchange(card, fromHex('00CA000000'))).data)).toBe('BEEF');
});
