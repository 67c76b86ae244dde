import { expect, test } from 'vitest';
import { fromHex, toHex } from '../../../src/apdu/index.js';
import {
  controlCode,
  encodePinVerify,
  featureAccess,
  type PinEntry,
  readFeatures,
  readProperties,
  verifyPinOnPad,
} from '../../../src/ccid/index.js';
import { FakeReader, refusal } from './fake-reader.js';

const ask = controlCode(3400);
const list = 'FFC2010000';
const pin: PinEntry = {
  apdu: fromHex(`00 20 00 80 08 ${'FF'.repeat(8)}`),
  block: { encoding: 'ascii', bytes: 8 },
  minDigits: 6,
  maxDigits: 8,
};

/** A reader whose driver refuses SCardControl, with the response to the beginning of each APDU. */
class PpduReader extends FakeReader {
  readonly sent: string[] = [];

  constructor(readonly responses: Record<string, string>) {
    super({ [ask]: refusal('ERROR_INVALID_FUNCTION') });
  }

  async transmit(apdu: Uint8Array): Promise<Uint8Array> {
    const hex = toHex(apdu);
    this.sent.push(hex);
    const key = Object.keys(this.responses).find((start) => hex.startsWith(start));
    return fromHex(key === undefined ? '6E00' : (this.responses[key] ?? ''));
  }
}

test('a driver that refuses SCardControl can have features by pseudo-APDU', async () => {
  const reader = new PpduReader({ [list]: '06 07 12 9000' });
  expect(await readFeatures(reader)).toEqual({});
  const access = await featureAccess(reader);
  expect(access).not.toBe(reader);
  expect(Object.keys(await readFeatures(access))).toEqual([
    'verifyPinDirect',
    'modifyPinDirect',
    'getTlvProperties',
  ]);
});

test('a PIN is verified by pseudo-APDU, and the response is that of the card', async () => {
  const reader = new PpduReader({ [list]: '06 9000', FFC20106: '63C2' });
  const response = await verifyPinOnPad(await featureAccess(reader), pin);
  expect(response.sw).toBe(0x63c2);
  const structure = encodePinVerify(pin);
  const length = structure.length.toString(16).padStart(2, '0');
  expect(reader.sent.at(-1)).toBe(toHex(fromHex(`FFC20106 ${length} ${toHex(structure)}`)));
});

test('properties come without their status word, and a refusal is an error', async () => {
  const reader = new PpduReader({ [list]: '12 9000', FFC20112: '06 01 04 9000' });
  expect(await readProperties(await featureAccess(reader))).toEqual({ minPinDigits: 4 });
  const refusing = new PpduReader({ [list]: '12 9000' });
  await expect(readProperties(await featureAccess(refusing))).rejects.toMatchObject({
    code: 'CCID_NO_FEATURE',
    statusWord: 0x6e00,
  });
});

test('SCardControl is used if it has features, and nothing is sent to the card', async () => {
  const reader = new PpduReader({ [list]: '06 9000' });
  reader.answers[ask] = fromHex('06 04 42330006');
  expect(await featureAccess(reader)).toBe(reader);
  expect(reader.sent).toEqual([]);
});

test.each(['6E00', '6D00', '9000', ''])('a reader that answers "%s" has no features', async (answer) => {
  const reader = new PpduReader({ [list]: answer });
  expect(await featureAccess(reader)).toBe(reader);
});

test('a PIN pad that a reader only claims to have can be overridden', async () => {
  const reader = new FakeReader({ [ask]: fromHex('06 04 42330006'), 1110638598: fromHex('9000') });
  await expect(verifyPinOnPad(reader, { ...pin, features: {} })).rejects.toMatchObject({
    code: 'CCID_NO_FEATURE',
  });
  expect(reader.asked).toEqual([]);
});
