import { expect, test } from 'vitest';
import { fromHex, ResponseApdu } from '../../../src/apdu/index.js';
import { readGuid, selectPiv } from '../../../src/piv/index.js';
import { DirectCard } from './direct-card.js';

const CHUID = 'CB 5FC102';

test('the GUID is read from the CHUID', async () => {
  const guid = fromHex('00112233445566778899AABBCCDDEEFF');
  const card = await DirectCard.with({ guid });
  await selectPiv(card);
  expect(await readGuid(card)).toEqual(guid);
});

test.each([
  ['no CHUID', new ResponseApdu(0x6a82), 'PIV_NO_GUID'],
  ['a CHUID without a GUID', ResponseApdu.ok(fromHex('53023000')), 'PIV_NO_GUID'],
  ['a GUID of another length', ResponseApdu.ok(fromHex('53033401AA')), 'PIV_NO_GUID'],
  ['a CHUID that is not BER-TLV', ResponseApdu.ok(fromHex('53023405')), 'PIV_MALFORMED'],
])('a card with %s has no GUID', async (_what, response, code) => {
  const card = await DirectCard.with();
  await selectPiv(card);
  card.answer(CHUID, response);
  await expect(readGuid(card)).rejects.toMatchObject({ name: 'PivError', code });
});
