import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../src/apdu/index.js';
import { CardBridge, type SessionContext } from '../../src/index.js';
import { logon, readGuid, selectPiv } from '../../src/piv/index.js';
import { Rig } from '../../src/testing/rig/index.js';
import { buildAtr, createPivCard, type PivCard } from '../../src/testing/virtual/index.js';

const PIN = '314159';

/** One slot each. */
const CARDS = [
  { algorithm: 'RSA2048', protocol: 'T=1' },
  { algorithm: 'P256', protocol: 'T=1' },
  { algorithm: 'RSA2048', protocol: 'T=0' },
  { algorithm: 'RSA3072', protocol: 'T=1' },
  { algorithm: 'P384', protocol: 'T=0' },
  { algorithm: 'Ed25519', protocol: 'T=1' },
] as const;

let rig: Rig;
let bridge: CardBridge;
let session: SessionContext;
const cards: PivCard[] = [];

beforeAll(async () => {
  rig = await Rig.start({ slots: CARDS.length });
  Object.assign(process.env, rig.env);
  for (const [slot, { algorithm, protocol }] of CARDS.entries()) {
    const port = rig.readers[slot]?.port ?? 0;
    const atr = buildAtr({ protocols: [protocol] });
    cards.push(await createPivCard({ port, algorithm, atr, pin: PIN, subject: `Card ${slot}` }));
  }
  bridge = new CardBridge();
  session = await bridge.openSession();
});

afterAll(async () => {
  await bridge?.close();
  await Promise.all(cards.map((card) => card.remove()));
  await rig?.stop();
});

describe.each(CARDS.map((card, slot) => ({ ...card, slot })))(
  'through pcscd, a card with $algorithm over $protocol',
  ({ algorithm, protocol, slot }) => {
    const reader = () => rig.readers[slot]?.name ?? '';

    test('logs on in a transaction found through the card cache', async () => {
      const result = await session.transaction(reader(), (tx) => logon(tx, PIN), { disposition: 'reset' });
      expect(result).toMatchObject({ subject: `CN=Card ${slot}`, algorithm, retriesLeft: 3 });
    });

    test('logs on with a connected card', async () => {
      await using card = await session.connect(reader());
      expect(card.protocol).toBe(protocol);
      expect(await logon(card, PIN)).toMatchObject({ subject: `CN=Card ${slot}` });
    });

    test('reports its GUID', async () => {
      await using card = await session.connect(reader());
      await selectPiv(card);
      expect(toHex(await readGuid(card))).toBe(toHex(cards[slot]?.piv.guid ?? fromHex('')));
    });
  },
);

test('after a wrong PIN the card is reset and the next logon works', async () => {
  const reader = rig.readers[1]?.name ?? '';
  const wrong = session.transaction(reader, (tx) => logon(tx, '271828'));
  await expect(wrong).rejects.toMatchObject({ code: 'PIV_WRONG_PIN', retriesLeft: 2 });
  expect(await session.transaction(reader, (tx) => logon(tx, PIN))).toMatchObject({ retriesLeft: 2 });
});
