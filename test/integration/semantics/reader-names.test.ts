import { expect, test } from 'vitest';
import { FakePcsc, quoted } from '../../support/fake-pcsc.js';

// Latin, Greek, Japanese, beyond the basic plane, quotes, and the separators of other systems.
const names = [
  'Gemalto Zürich Prüfer 00 00',
  'Ἀθήνα ΚΑΡΤΑ 01 00',
  '東芝 カードリーダー 02 00',
  'Reader \u{1F4B3} 03 00',
  'He said "card" \\ 04 00',
];

test('reader names beyond ASCII are returned unchanged, and are accepted', async () => {
  const fake = new FakePcsc(
    ...names.flatMap((name) => [`reader ${quoted(name)}`, `card ${quoted(name)} 3B00 T=1`]),
  );
  const { listed, connected, watched, error } = await fake.run(
    async ({ bridge: { CardBridge }, errorOf }) => {
      const bridge = new CardBridge();
      const session = await bridge.openSession({ id: 1, connectTime: 1n });
      const listed = await session.listReaders();
      const connected: string[] = [];
      for (const name of listed) {
        const card = await session.connect(name);
        connected.push(card.reader);
        await session.transaction(name, (tx) => connected.push(tx.reader));
      }
      const watched: string[] = [];
      for await (const event of session.watch()) {
        if (event.type === 'card-inserted') watched.push(event.reader);
        if (watched.length === listed.length) break;
      }
      const error = await errorOf(session.connect('Prüfer, den es nicht gibt'));
      await bridge.close();
      return { listed, connected, watched, error };
    },
  );
  expect(listed.sort()).toEqual([...names].sort());
  expect(connected.sort()).toEqual([...names, ...names].sort());
  expect(watched.sort()).toEqual([...names].sort());
  expect(error).toMatchObject({ code: 'SCARD_E_UNKNOWN_READER', reader: 'Prüfer, den es nicht gibt' });
  expect(error.message).toContain('Prüfer, den es nicht gibt');
  const asked = new Set(fake.calls('SCardConnect').map(({ reader }) => reader));
  expect(asked).toEqual(new Set([...names, 'Prüfer, den es nicht gibt']));
});
