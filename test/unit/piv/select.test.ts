import { expect, test } from 'vitest';
import { fromHex } from '../../../src/apdu/index.js';
import { selectPiv } from '../../../src/piv/index.js';
import { DirectCard, emptyCard } from './direct-card.js';

test('the application is selected in any version', async () => {
  const card = await DirectCard.with();
  await selectPiv(card);
  expect(card.log).toEqual(['00A4040009A0000003080000100000']);
});

test('a card without the application is reported by code and in a sentence', async () => {
  await expect(selectPiv(emptyCard)).rejects.toMatchObject({
    name: 'PivError',
    code: 'PIV_NOT_FOUND',
    statusWord: 0x6a82,
    message:
      'The card has no PIV application that can be selected: ' +
      'file or application not found (status word 6A82).',
  });
});

test('an invalid response is malformed', async () => {
  await expect(selectPiv({ transmit: async () => fromHex('90') })).rejects.toMatchObject({
    code: 'PIV_MALFORMED',
  });
});
