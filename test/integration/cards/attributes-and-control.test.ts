import { describe, expect, test } from 'vitest';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';

/** pcsc-lite's TAG_IFD_SLOTS_NUMBER, one of the few that vpcd knows. */
const SLOTS_NUMBER = 0x0fae;
const VENDOR_NAME = 0x10100;
/** CM_IOCTL_GET_FEATURE_REQUEST as pcsc-lite numbers it. */
const GET_FEATURE_REQUEST = 0x42000000 + 3400;

const rig = await startRig({ slots: 2 });
await insertPiv(rig);
const session = await openBridge().openSession();
const { name: reader } = readerAt(rig);
const card = await session.connect(reader);

test('getAttribute reads an attribute of the reader', async () => {
  expect(await card.getAttribute(SLOTS_NUMBER)).toEqual(Uint8Array.of(2));
});

test('getAttribute works within a transaction', async () => {
  expect(await card.transaction((tx) => tx.getAttribute(SLOTS_NUMBER))).toEqual(Uint8Array.of(2));
});

describe('an unsupported operation rejects with its code, and the card continues to work', () => {
  test.each([
    ['getAttribute', () => card.getAttribute(VENDOR_NAME), 'SCardGetAttrib', 'SCARD_E_UNSUPPORTED_FEATURE'],
    [
      'setAttribute',
      () => card.setAttribute(VENDOR_NAME, Uint8Array.of(1)),
      'SCardSetAttrib',
      'SCARD_E_NOT_TRANSACTED',
    ],
    [
      'control',
      () => card.control(GET_FEATURE_REQUEST, new Uint8Array()),
      'SCardControl',
      'SCARD_E_UNSUPPORTED_FEATURE',
    ],
    [
      'control in a transaction',
      () => card.transaction((tx) => tx.control(1, new Uint8Array())),
      'SCardControl',
      'SCARD_E_UNSUPPORTED_FEATURE',
    ],
  ] as const)('%s', async (_, attempt, operation, code) => {
    await expect(attempt()).rejects.toMatchObject({
      name: 'PcscError',
      code,
      operation,
      reader,
    });
    expect(await card.getAttribute(SLOTS_NUMBER)).toEqual(Uint8Array.of(2));
  });
});
