import { describe, expect, test } from 'vitest';
import { ResponseApdu } from '../../../src/apdu/index.js';
import { PivPinError, pinRetriesLeft, retriesLeft, selectPiv, verifyPin } from '../../../src/piv/index.js';
import type { PivOptions } from '../../../src/testing/virtual/index.js';
import { DirectCard, PIN } from './direct-card.js';

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));

async function selected(options: PivOptions = {}): Promise<DirectCard> {
  const card = await DirectCard.with(options);
  await selectPiv(card);
  return card;
}

async function failure(work: Promise<unknown>): Promise<PivPinError> {
  const error = await work.catch((reason: unknown) => reason);
  if (!(error instanceof PivPinError)) throw new Error('A PivPinError was expected.', { cause: error });
  return error;
}

test.each([
  ['a string', PIN],
  ['bytes', bytes(PIN)],
  ['a padded block', bytes(`${PIN}\xff\xff`)],
])('the PIN as %s is verified', async (_form, pin) => {
  const card = await selected();
  await verifyPin(card, pin);
  expect(card.log.at(-1)).toBe('0020008008333134313539FFFF');
});

test('a PIN of eight digits needs no padding', async () => {
  const card = await selected({ pin: '31415926' });
  await verifyPin(card, '31415926');
});

test('reading the tries costs none', async () => {
  const card = await selected();
  expect(await retriesLeft(card)).toBe(3);
  expect(await retriesLeft(card)).toBe(3);
  await verifyPin(card, PIN);
  expect(await retriesLeft(card)).toBeUndefined();
});

test('a wrong PIN reports the tries left', async () => {
  const card = await selected();
  const error = await failure(verifyPin(card, '271828'));
  expect(error).toMatchObject({ code: 'PIV_WRONG_PIN', retriesLeft: 2, statusWord: 0x63c2 });
  expect(error.message).toBe('The PIN is wrong: verification failed, 2 tries left (status word 63C2).');
  expect(await retriesLeft(card)).toBe(2);
});

test('the last wrong PIN blocks it, and then the right one is refused too', async () => {
  const card = await selected({ retries: 1 });
  const last = await failure(verifyPin(card, '271828'));
  expect(last).toMatchObject({ code: 'PIV_PIN_BLOCKED', retriesLeft: 0, statusWord: 0x63c0 });
  const blocked = await failure(verifyPin(card, PIN));
  expect(blocked).toMatchObject({ code: 'PIV_PIN_BLOCKED', retriesLeft: 0, statusWord: 0x6983 });
  expect(blocked.message).toContain('The PIN is blocked; the PUK unblocks it');
  expect(await retriesLeft(card)).toBe(0);
});

test('a card that reports no count leaves the tries unknown', async () => {
  const card = await selected();
  card.answer('20', new ResponseApdu(0x6300));
  expect(await failure(verifyPin(card, PIN))).toMatchObject({
    code: 'PIV_WRONG_PIN',
    retriesLeft: undefined,
  });
});

describe('a token that counts the tries with all of the second byte (63 0X)', () => {
  test.each([
    [0x6303, 3],
    [0x630a, 10],
    [0x63c3, 3],
    [0x6300, undefined],
  ])('answers %i to the question for the tries', async (sw, tries) => {
    const card = await selected();
    card.answer('20', new ResponseApdu(sw));
    expect(await retriesLeft(card)).toBe(tries);
    expect(await pinRetriesLeft(card)).toBe(tries);
  });

  test('reports a wrong PIN and the tries left', async () => {
    const card = await selected();
    card.answer('20', new ResponseApdu(0x6302));
    expect(await failure(verifyPin(card, PIN))).toMatchObject({
      code: 'PIV_WRONG_PIN',
      retriesLeft: 2,
      statusWord: 0x6302,
    });
  });
});

test('the global PIN has its own key reference', async () => {
  const card = await selected();
  card.answer('20', ResponseApdu.ok());
  await verifyPin(card, PIN, { reference: 'global' });
  expect(card.log.at(-1)).toBe('0020000008333134313539FFFF');
  await retriesLeft(card, 'global');
  expect(card.log.at(-1)).toBe('00200000');
  await expect(verifyPin(card, PIN, { reference: 'other' as 'global' })).rejects.toThrow(RangeError);
});

test('any other refusal is a PivError with its status word', async () => {
  const card = await selected();
  card.answer('20', new ResponseApdu(0x6985));
  await expect(verifyPin(card, PIN)).rejects.toMatchObject({
    name: 'PivError',
    code: 'PIV_REFUSED',
    statusWord: 0x6985,
    message: 'The card did not verify the PIN: conditions of use not satisfied (status word 6985).',
  });
});

describe('an invalid PIN', () => {
  test.each([
    ['too short', '31415'],
    ['too long', '314159265'],
    ['with a control character', '31415\n'],
    ['beyond ASCII', '31415９'],
    ['padded to less than six', bytes('31415\xff\xff\xff')],
    ['padded too far', bytes(`${PIN}\xff\xff\xff`)],
    ['empty', bytes('')],
  ])('that is %s is not sent', async (_why, pin) => {
    const card = await selected();
    const sent = card.log.length;
    expect(await failure(verifyPin(card, pin))).toMatchObject({ code: 'PIV_PIN_MALFORMED' });
    expect(card.log).toHaveLength(sent);
  });

  test('of letters costs no try if the card accepts only digits', async () => {
    const card = await selected();
    const error = await failure(verifyPin(card, 'secret'));
    expect(error).toMatchObject({ code: 'PIV_PIN_MALFORMED', statusWord: 0x6a80 });
    expect(await retriesLeft(card)).toBe(3);
  });
});

describe('secrets', () => {
  test.each([
    ['verified', PIN],
    ['refused', '271828'],
  ])('the bytes sent are wiped once the PIN is %s', async (_how, pin) => {
    const card = await selected();
    await verifyPin(card, pin).catch(() => {});
    expect(card.given.at(-1)?.every((byte) => byte === 0)).toBe(true);
  });

  test('they are wiped when the transport fails', async () => {
    let given: Uint8Array | undefined;
    const transmit = (apdu: Uint8Array) => {
      given = apdu;
      return Promise.reject(new Error('The card was pulled out.'));
    };
    await expect(verifyPin({ transmit }, PIN)).rejects.toThrow('pulled out');
    expect(given?.every((byte) => byte === 0)).toBe(true);
  });

  test("the caller's bytes are not wiped", async () => {
    const pin = bytes(PIN);
    await verifyPin(await selected(), pin);
    expect(pin).toEqual(bytes(PIN));
  });

  test.each(['271828', '2718281', 'zq7xk9', '27182'])('no error repeats the PIN %s', async (pin) => {
    const error = await failure(verifyPin(await selected(), pin));
    const text = `${error.message} ${error.stack} ${JSON.stringify(error)}`.toUpperCase();
    expect(text).not.toContain(pin.toUpperCase());
    expect(text).not.toContain(Buffer.from(pin).toString('hex').toUpperCase());
  });
});
