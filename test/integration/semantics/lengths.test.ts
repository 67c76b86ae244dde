import { describe, expect, test } from 'vitest';
import { FakePcsc, onWindows } from '../../support/fake-pcsc.js';

const reader = 'Reader 00 00';
const insert = [`reader "${reader}"`, `card "${reader}" 3B00 T=1`];
// The length of the output buffer. On Windows, a control with more than 65,544 bytes fails, and some drivers
// truncate responses if more than 65,535 bytes are offered.
const longest = onWindows ? 65_535 : 65_548;

test('the longest APDU and the longest response are transferred whole', async () => {
  // 65,536 bytes and SW1 SW2, if the buffer has room for that.
  const length = Math.min(65_538, longest);
  const data = Buffer.alloc(length - 2, 'response ')
    .toString('hex')
    .toUpperCase();
  const fake = new FakePcsc(...insert, `answer "${reader}" 00CB ${data}9000`);
  const { response, aside } = await fake.run(async ({ bridge: { CardBridge } }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const card = await session.connect(reader);
    const longest = new Uint8Array(65_544).fill(0x5a);
    longest.set([0x00, 0xcb, 0x3f, 0xff]);
    const response = await card.transmit(longest);
    const aside = await card.transmit(Uint8Array.of(0, 0xb0, 0, 0));
    await bridge.close();
    return { response, aside };
  }, reader);
  expect(response).toBe(`${data}9000`);
  expect(aside).toBe('6D00');
  expect(fake.calls('SCardTransmit')[0]).toMatchObject({
    bytes: 65_544,
    room: longest,
    done: { bytes: length },
  });
});

describe('an impossible length is never trusted', () => {
  // The response may be filled up from the buffer. Reading beyond the buffer is the bug.
  test.each([
    ['SCardTransmit', 70_000],
    ['SCardTransmit', 0x7fffffff],
    ['SCardTransmit', 0xffffffff],
    ['SCardControl', 0x7fffffff],
    ['SCardControl', 0xffffffff],
    ['SCardGetAttrib', 0x7fffffff],
    ['SCardStatus', 37],
    ['SCardStatus', 0xffffffff],
  ] as const)('%s reports that %i bytes were returned', async (name, length) => {
    const fake = new FakePcsc(
      ...insert,
      `attribute "${reader}" 0x10100 41`,
      `control "${reader}" 1 9000`,
      `answer "${reader}" 00 9000`,
    );
    const { outcome, after } = await fake.run(
      async ({ bridge: { CardBridge }, fake }, { reader, name, length }) => {
        const bridge = new CardBridge();
        const session = await bridge.openSession({ id: 1, connectTime: 1n });
        const card = await session.connect(reader);
        await card.transmit(Uint8Array.of(0, 0xa4, 0, 0)); // the check whether the card is free must not use up the rule
        fake.write(`on ${name} length ${length}`);
        const asked: Promise<unknown> =
          name === 'SCardTransmit'
            ? card.transmit(Uint8Array.of(0, 0xa4, 0, 0))
            : name === 'SCardControl'
              ? card.control(1)
              : name === 'SCardGetAttrib'
                ? card.getAttribute('vendorName')
                : card.status().then(({ atr }) => atr);
        const outcome = await asked.then(
          (bytes) => (bytes as Uint8Array).length,
          (error) => error.code,
        );
        const after = await card.transmit(Uint8Array.of(0, 0xa4, 0, 0));
        await bridge.close();
        return { outcome, after };
      },
      { reader, name, length },
    );
    expect(outcome).toBe('SCARD_F_INTERNAL_ERROR');
    expect(after).toBe('9000');
  });
});

test.each([0, 1])('a success of %i bytes is not a response', async (length) => {
  const fake = new FakePcsc(...insert, `answer "${reader}" 00 9000`, `on SCardTransmit length ${length}`);
  const { error, after } = await fake.run(async ({ bridge: { CardBridge }, errorOf }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const card = await session.connect(reader);
    const error = await errorOf(card.transmit(Uint8Array.of(0, 0xa4, 0, 0)));
    const after = await card.transmit(Uint8Array.of(0, 0xa4, 0, 0));
    await bridge.close();
    return { error, after };
  }, reader);
  expect(error).toMatchObject({ code: 'SCARD_E_COMM_DATA_LOST', operation: 'SCardTransmit', reader });
  expect(after).toBe('9000');
});

test('an attribute longer than the first buffer is requested again, with enough room', async () => {
  const long = Buffer.alloc(300, 'attribute ').toString('hex').toUpperCase();
  const fake = new FakePcsc(...insert, `attribute "${reader}" 0x7fff0003 ${long}`);
  const value = await fake.run(async ({ bridge: { CardBridge } }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const card = await session.connect(reader);
    const value = await card.getAttribute('deviceFriendlyNameA');
    await bridge.close();
    return value;
  }, reader);
  expect(value).toBe(long);
});

test('the longest response to control is returned whole', async () => {
  const long = Buffer.alloc(longest, 'control ').toString('hex').toUpperCase();
  const fake = new FakePcsc(...insert, `control "${reader}" 1 ${long}`, `control "${reader}" 2 -`);
  const { full, empty } = await fake.run(async ({ bridge: { CardBridge } }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const card = await session.connect(reader);
    const [full, empty] = [await card.control(1), await card.control(2)];
    await bridge.close();
    return { full, empty };
  }, reader);
  expect(full).toBe(long);
  expect(empty).toBe('');
  expect(fake.calls('SCardControl').map(({ room }) => room)).toEqual([longest, longest]);
});

test('a PIN pad is found even if a control with a buffer over 65,544 bytes fails', async (context) => {
  context.skip(!onWindows, 'only Windows has that limit');
  const request = (0x31 << 16) | (3400 << 2);
  const fake = new FakePcsc(...insert, `control "${reader}" ${request} 060400313520`);
  const features = await fake.run(async ({ bridge: { CardBridge }, ccid: { readFeatures } }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const features = await readFeatures(await session.connect(reader));
    await bridge.close();
    return features;
  }, reader);
  expect(features).toEqual({ verifyPinDirect: 0x313520 });
});

test('a list of readers that grows between two calls is requested again', async () => {
  const fake = new FakePcsc(
    ...insert,
    'on SCardListReaders skip 1 do reader "Another reader, with a longer name"',
  );
  const readers = await fake.run(async ({ bridge: { CardBridge } }) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const readers = await session.listReaders();
    await bridge.close();
    return readers;
  });
  expect(readers.sort()).toEqual(['Another reader, with a longer name', reader]);
});
