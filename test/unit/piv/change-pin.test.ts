import { describe, expect, test } from 'vitest';
import { ResponseApdu } from '../../../src/apdu/index.js';
import { changePin, changePuk, selectPiv, unblockPin, verifyPin } from '../../../src/piv/index.js';
import type { PivOptions } from '../../../src/testing/virtual/index.js';
import { DirectCard, PIN } from './direct-card.js';

const PUK = '12345678';
const NEW_PIN = '271828';
const NEW_PUK = 'puk!puk?';

async function selected(options: PivOptions = {}): Promise<DirectCard> {
  const card = await DirectCard.with(options);
  await selectPiv(card);
  return card;
}

test('the PIN is changed', async () => {
  const card = await selected();
  await changePin(card, PIN, NEW_PIN);
  expect(card.log.at(-1)).toBe('0024008010333134313539FFFF323731383238FFFF');
  await verifyPin(card, NEW_PIN);
  await expect(verifyPin(card, PIN)).rejects.toMatchObject({ code: 'PIV_WRONG_PIN' });
});

test('a wrong PIN changes nothing and reports the tries left', async () => {
  const card = await selected();
  await expect(changePin(card, '000000', NEW_PIN)).rejects.toMatchObject({
    name: 'PivPinError',
    code: 'PIV_WRONG_PIN',
    retriesLeft: 2,
  });
  await verifyPin(card, PIN);
});

test('a blocked PIN is unblocked with the PUK', async () => {
  const card = await selected({ retries: 1 });
  await expect(verifyPin(card, '000000')).rejects.toMatchObject({ code: 'PIV_PIN_BLOCKED' });
  await unblockPin(card, PUK, NEW_PIN);
  await verifyPin(card, NEW_PIN);
});

test('a wrong PUK reports the tries left of the PUK, and the last one blocks it', async () => {
  const card = await selected({ retries: 2 });
  await expect(unblockPin(card, '00000000', NEW_PIN)).rejects.toMatchObject({
    code: 'PIV_WRONG_PUK',
    retriesLeft: 1,
  });
  await expect(changePuk(card, '00000000', NEW_PUK)).rejects.toMatchObject({
    code: 'PIV_PUK_BLOCKED',
    retriesLeft: 0,
  });
  await expect(unblockPin(card, PUK, NEW_PIN)).rejects.toMatchObject({
    code: 'PIV_PUK_BLOCKED',
    message:
      'The PUK is blocked; only setting the card up anew helps: authentication method blocked (status word 6983).',
  });
});

test('the PUK is changed', async () => {
  const card = await selected();
  await changePuk(card, PUK, NEW_PUK);
  await unblockPin(card, Buffer.from(NEW_PUK), NEW_PIN);
  await verifyPin(card, NEW_PIN);
});

test('a PUK may be 8 bytes of any value', async () => {
  const card = await selected();
  const binary = Uint8Array.of(0, 1, 2, 3, 0xfc, 0xfd, 0xfe, 0xff);
  await changePuk(card, PUK, binary);
  await unblockPin(card, binary, NEW_PIN);
  expect(binary[1]).toBe(1);
});

test('a refusal of another kind is a PivError with its status word', async () => {
  const card = await selected();
  card.answer('24', new ResponseApdu(0x6985));
  await expect(changePin(card, PIN, NEW_PIN)).rejects.toMatchObject({
    name: 'PivError',
    code: 'PIV_REFUSED',
    statusWord: 0x6985,
  });
});

describe('what is malformed is not sent', () => {
  test.each([
    ['the PIN', (card: DirectCard) => changePin(card, '1', NEW_PIN), 'PIV_PIN_MALFORMED', 'A PIN has'],
    ['the new PIN', (card: DirectCard) => changePin(card, PIN, '1'), 'PIV_PIN_MALFORMED', 'A new PIN has'],
    ['the PUK', (card: DirectCard) => unblockPin(card, '1', NEW_PIN), 'PIV_PUK_MALFORMED', 'A PUK has'],
    ['the new PUK', (card: DirectCard) => changePuk(card, PUK, ''), 'PIV_PUK_MALFORMED', 'A new PUK has'],
  ])('if it is %s', async (_what, work, code, message) => {
    const card = await selected();
    const sent = card.log.length;
    await expect(work(card)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    expect(card.log).toHaveLength(sent);
  });
});

test.each([
  ['changed', (card: DirectCard) => changePin(card, PIN, NEW_PIN)],
  ['refused', (card: DirectCard) => changePin(card, '000000', NEW_PIN)],
  ['unblocked', (card: DirectCard) => unblockPin(card, PUK, NEW_PIN)],
  ['changed (the PUK)', (card: DirectCard) => changePuk(card, PUK, NEW_PUK)],
])('the bytes sent are wiped once it is %s', async (_how, work) => {
  const card = await selected();
  await work(card).catch(() => {});
  expect(card.given.at(-1)?.every((byte) => byte === 0)).toBe(true);
});
