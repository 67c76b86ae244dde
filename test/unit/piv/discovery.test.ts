import { expect, test } from 'vitest';
import { fromHex, ResponseApdu } from '../../../src/apdu/index.js';
import { readDiscovery, selectPiv } from '../../../src/piv/index.js';
import { DirectCard } from './direct-card.js';

async function selected(): Promise<DirectCard> {
  const card = await DirectCard.with();
  await selectPiv(card);
  return card;
}

// PIN usage policies of SP 800-73-5 part 1, 3.3.2.
test.each([
  ['4000', { applicationPin: true, globalPin: false, biometrics: false, primaryPin: 'application' }],
  ['6010', { applicationPin: true, globalPin: true, biometrics: false, primaryPin: 'application' }],
  ['6020', { applicationPin: true, globalPin: true, biometrics: false, primaryPin: 'global' }],
  ['5000', { applicationPin: true, globalPin: false, biometrics: true, primaryPin: 'application' }],
  ['7020', { applicationPin: true, globalPin: true, biometrics: true, primaryPin: 'global' }],
])('the PIN usage policy %s is read', async (policy, discovery) => {
  const card = await selected();
  const object = `7E124F0BA0000003080000100001005F2F02${policy}`;
  card.answer('CB 7E', ResponseApdu.ok(fromHex(object)));
  expect(await readDiscovery(card)).toEqual(discovery);
});

test('a card without a discovery object has the PIN of the application', async () => {
  const card = await selected();
  card.answer('CB 7E', new ResponseApdu(0x6a82));
  expect(await readDiscovery(card)).toMatchObject({ applicationPin: true, primaryPin: 'application' });
});

test('a discovery object cut short is malformed', async () => {
  const card = await selected();
  card.answer('CB 7E', ResponseApdu.ok(fromHex('7E124F0B')));
  await expect(readDiscovery(card)).rejects.toMatchObject({ code: 'PIV_MALFORMED' });
});
