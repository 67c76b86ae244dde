/** Attributes, control codes, features and PIN pads: what the reader itself answers. */
import { expect, test } from 'vitest';
import { FakePcsc, onWindows } from '../../support/fake-pcsc.js';

const reader = 'Reader 00 00';
const script = [`reader "${reader}"`, `card "${reader}" 3B00 T=1`, `answer "${reader}" 00 9000`];
const code = (number: number) => (onWindows ? 0x310000 | (number << 2) : 0x42000000 + number);
const hex = (number: number) => number.toString(16).padStart(8, '0').toUpperCase();
const [features, verify, modify] = [code(3400), code(0x906), code(0x907)];
const pinPad = [
  ...script,
  `control "${reader}" ${features} 0604${hex(verify)}0704${hex(modify)}8104${hex(7)}`,
];

test('attributes are read and written by their numbers', async () => {
  const fake = new FakePcsc(...script, `attribute "${reader}" 0x10100 41434D45`);
  const seen = await fake.run(async ({ bridge: { CardBridge }, errorOf }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const card = await session.connect(reader);
    const vendor = await card.getAttribute('vendorName');
    await card.setAttribute(0x7fff_0007, Uint8Array.of(1, 0, 0, 0));
    const own = await card.getAttribute('suppressT1IfsRequest');
    const { code } = await errorOf(card.getAttribute('channelId'));
    await bridge.close();
    return { vendor, own, code };
  }, reader);
  const code = onWindows ? 'ERROR_NOT_SUPPORTED' : 'SCARD_E_UNSUPPORTED_FEATURE';
  expect(seen).toEqual({ vendor: '41434D45', own: '01000000', code });
  expect(fake.calls('SCardSetAttrib')[0]).toMatchObject({ id: 0x7fff0007 });
});

test('features are requested with the platform’s code, and no features are an empty result', async () => {
  const seen = [];
  for (const lines of [script, pinPad]) {
    const fake = new FakePcsc(...lines);
    seen.push(
      await fake.run(async ({ bridge: { CardBridge }, ccid }, reader) => {
        const bridge = new CardBridge();
        const session = await bridge.openSession({ id: 1, connectTime: 1n });
        const card = await session.connect(reader, { shareMode: 'direct' });
        const features = await ccid.readFeatures(card);
        await bridge.close();
        return features;
      }, reader),
    );
    expect(fake.calls('SCardControl')).toMatchObject([{ code: features }]);
  }
  expect(seen).toEqual([{}, { verifyPinDirect: verify, modifyPinDirect: modify }]);
});

test('a PIN pad verifies and changes the PIN, and reports the result', async () => {
  const fake = new FakePcsc(...pinPad);
  const seen = await fake.run(
    async ({ bridge: { CardBridge }, ccid, fake, errorOf }, { reader, verify, modify }) => {
      const bridge = new CardBridge();
      const session = await bridge.openSession({ id: 1, connectTime: 1n });
      const card = await session.connect(reader);
      const said: string[] = [];
      const command = Uint8Array.of(0x00, 0x20, 0x00, 0x80, 0x08, ...new Uint8Array(8).fill(0xff));
      const change = Uint8Array.of(0x00, 0x24, 0x00, 0x80, 0x10, ...new Uint8Array(16).fill(0xff));
      const entry = { minDigits: 4, maxDigits: 8, block: { encoding: 'ascii', bytes: 8 } } as const;
      for (const answer of ['9000', '63C2', '6400', '6401', '6403', '6B80']) {
        fake.write(`control "${reader}" ${verify} ${answer}`);
        said.push(
          await ccid.verifyPinOnPad(card, { ...entry, apdu: command }).then(
            ({ sw }) => sw.toString(16),
            (error) => error.code ?? String(error),
          ),
        );
      }
      fake.write(`control "${reader}" ${modify} 6402`);
      const differ = await errorOf(
        ccid.modifyPinOnPad(card, { ...entry, apdu: change, currentPinAt: 0, newPinAt: 8 }),
      );
      await bridge.close();
      return { said, differ: differ.code ?? differ.message };
    },
    { reader, verify, modify },
  );
  expect(seen.said).toEqual([
    '9000',
    '63c2',
    'CCID_TIMEOUT',
    'CCID_CANCELLED',
    'CCID_PIN_LENGTH',
    'CCID_PARAMETER',
  ]);
  expect(seen.differ).toBe('CCID_PINS_DIFFER');
});

test('control while another process holds the card waits or fails as on the platform', async () => {
  const fake = new FakePcsc(...script, `control "${reader}" 1 9000`);
  const seen = await fake.run(
    async ({ bridge: { CardBridge }, fake }, { reader, blocks }) => {
      const bridge = new CardBridge();
      const session = await bridge.openSession({ id: 1, connectTime: 1n });
      const card = await session.connect(reader);
      await fake.tell(`hold "${reader}"`);
      const control = card.control(1).then(
        (answer) => answer,
        (error) => error.code as string,
      );
      await fake.saw('SCardControl', ({ done }) => blocks || done !== undefined);
      await fake.tell(`free "${reader}"`);
      const seen = await control;
      await bridge.close();
      return seen;
    },
    { reader, blocks: onWindows },
  );
  // Refused at once by pcsc-lite; blocked by Windows.
  expect(seen).toBe(onWindows ? '9000' : 'SCARD_E_SHARING_VIOLATION');
});

test('no error of any call that carries a PIN contains the PIN', async () => {
  const fake = new FakePcsc(...script, `control "${reader}" 1 9000`);
  const pin = '31323334353637';
  const texts = await fake.run(
    async ({ bridge: { CardBridge }, fake }, { reader, pin }) => {
      const bridge = new CardBridge();
      const session = await bridge.openSession({ id: 1, connectTime: 1n });
      const card = await session.connect(reader);
      const verify = () => Uint8Array.from([0x00, 0x20, 0x00, 0x80, 0x07, ...Buffer.from(pin, 'hex')]);
      const texts: string[] = [];
      const keep = (error: Error) =>
        void texts.push(`${error.message} ${error.stack} ${JSON.stringify(error)}`);
      for (const code of [0x8010006b, 0x8010002f, 0x80100016, 0x80100001, 31]) {
        for (const send of [
          () => card.transmit(verify()),
          () => card.exchange(verify()),
          () => card.transaction((tx) => tx.transmit(verify())),
          () => session.transaction(reader, (tx) => tx.exchange(verify())),
        ]) {
          fake.write('forget-rules', `on SCardTransmit fail ${code}`);
          await send().catch(keep);
        }
        fake.write(`on SCardControl fail ${code}`);
        await card.control(1, verify()).catch(keep);
      }
      fake.write('forget-rules', 'on SCardTransmit always length 0x7fffffff');
      await card.transmit(verify()).catch(keep);
      await bridge.close();
      return texts;
    },
    { reader, pin },
  );
  expect(texts).toHaveLength(26);
  for (const text of texts) {
    expect(text).not.toContain('1234567');
    expect(text).not.toMatch(/31[ ,:]?32[ ,:]?33/);
    expect(text).not.toMatch(/49, ?50, ?51/);
  }
  // It did reach the card.
  expect(fake.calls('SCardTransmit')[0]?.apdu).toContain(pin);
});
