import { describe, expect, test } from 'vitest';
import { fromHex, ResponseApdu } from '../../../src/apdu/index.js';
import {
  modifyPinOnPad,
  type PinBlock,
  readFeatures,
  readProperties,
  verifyPinOnPad,
} from '../../../src/ccid/index.js';
import { type Applet, VirtualCard } from '../../../src/testing/virtual/index.js';
import { buildPinPadDriver, willType } from '../../support/pin-pad.js';
import { pinStatus, selectPiv, sw, verifyPin } from '../../support/piv-host.js';
import { forThisTest, insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';

const block = { encoding: 'ascii', bytes: 8 } as const;
const digits = { minDigits: 6, maxDigits: 8 };
const verify = { apdu: fromHex(`00 20 00 80 08 ${'FF'.repeat(8)}`), block, ...digits };
const change = {
  apdu: fromHex(`00 24 00 80 10 ${'FF'.repeat(16)}`),
  block,
  ...digits,
  currentPinAt: 0,
  newPinAt: 8,
};

const parts = buildPinPadDriver();

describe.skipIf(!parts)('on a reader with a PIN pad', async () => {
  if (!parts) return;
  const rig = await startRig({ slots: 2, parts });
  await insertPiv(rig, 0, { pin: '123456' });
  const session = await openBridge().openSession();
  const { name: reader } = readerAt(rig);

  test('the reader reports its features', async () => {
    await using card = await session.connect(reader);
    const features = await readFeatures(card);
    expect(Object.keys(features)).toEqual(['verifyPinDirect', 'modifyPinDirect', 'getTlvProperties']);
    expect(await card.transaction((tx) => readFeatures(tx))).toEqual(features);
    expect(await readProperties(card)).toEqual({
      display: { lines: 2, charactersPerLine: 16 },
      completeOn: ['max-size', 'key', 'timeout'],
      minPinDigits: 4,
      maxPinDigits: 12,
      firmwareId: '1.0',
      maxApduDataSize: 65_536,
    });
  });

  test('a PIN typed there is verified by the card', async () => {
    await session.transaction(reader, async (tx) => {
      expect(await sw(tx, selectPiv)).toBe(0x9000);
      await willType(tx, '999999');
      expect((await verifyPinOnPad(tx, verify)).retriesLeft).toBe(2);
      expect(await sw(tx, pinStatus)).toBe(0x63c2);
      await willType(tx, '123456');
      expect((await verifyPinOnPad(tx, verify)).sw).toBe(0x9000);
      expect(await sw(tx, pinStatus)).toBe(0x9000);
    });
  });

  test('a PIN that the user does not enter is an error of the reader, and costs no try', async () => {
    await session.transaction(reader, async (tx) => {
      expect(await sw(tx, selectPiv)).toBe(0x9000);
      await willType(tx);
      await expect(verifyPinOnPad(tx, verify)).rejects.toMatchObject({ code: 'CCID_CANCELLED' });
      await willType(tx, '12345');
      await expect(verifyPinOnPad(tx, verify)).rejects.toMatchObject({ code: 'CCID_PIN_LENGTH' });
      await willType(tx, '123456789');
      await expect(verifyPinOnPad(tx, verify)).rejects.toMatchObject({ code: 'CCID_PIN_LENGTH' });
      expect(await sw(tx, verifyPin('123456'))).toBe(0x9000);
    });
  });

  test('a PIN is changed there', async () => {
    await session.transaction(reader, async (tx) => {
      expect(await sw(tx, selectPiv)).toBe(0x9000);
      await willType(tx, '123456', '654321', '654322');
      await expect(modifyPinOnPad(tx, change)).rejects.toMatchObject({ code: 'CCID_PINS_DIFFER' });
      expect(await sw(tx, verifyPin('123456'))).toBe(0x9000);

      await willType(tx, '123456', '6543210', '6543210');
      expect((await modifyPinOnPad(tx, change)).sw).toBe(0x9000);
      expect(await sw(tx, verifyPin('6543210'))).toBe(0x9000);
      expect(await sw(tx, verifyPin('123456'))).not.toBe(0x9000);
    });
  });

  describe('the PIN arrives in the described format', async () => {
    const received: Uint8Array[] = [];
    const recorder: Applet = {
      aid: fromHex('F0 50 43 53 43 01'),
      process: (command) => {
        received.push(command.data.slice());
        return ResponseApdu.ok();
      },
    };
    const half = { bits: 4, offset: 4 };
    const forms: [string, PinBlock, string, string][] = [
      ['characters', { encoding: 'ascii', bytes: 8 }, 'FFFFFFFFFFFFFFFF', '31323334FFFFFFFF'],
      ['values', { encoding: 'binary', bytes: 8 }, 'FFFFFFFFFFFFFFFF', '01020304FFFFFFFF'],
      ['to the right', { encoding: 'ascii', bytes: 6, justify: 'right' }, '000000000000', '000031323334'],
      [
        'half bytes',
        { encoding: 'bcd', bytes: 7, offset: 1, length: half },
        `2F${'F'.repeat(14)}`,
        '241234FFFFFFFFFF',
      ],
      [
        'from a bit on, its length in a byte of its own',
        {
          encoding: 'bcd',
          bytes: 3,
          offset: 12,
          offsetUnit: 'bits',
          length: { bits: 8, offset: 0, unit: 'bytes' },
        },
        '00F00000FF',
        '04F12340FF',
      ],
    ];
    test.each(forms)('%s', async (_, form, template, arrived) => {
      received.length = 0;
      const port = readerAt(rig, 1).port;
      await using _card = forThisTest(await VirtualCard.insert({ port, applets: [recorder] }));
      const data = fromHex(template);
      const apdu = Uint8Array.of(0, 0x20, 0, 1, data.length, ...data);
      await session.transaction(readerAt(rig, 1).name, async (tx) => {
        await tx.transmit(Uint8Array.of(0, 0xa4, 4, 0, recorder.aid.length, ...recorder.aid));
        await willType(tx, '1234');
        await verifyPinOnPad(tx, { apdu, block: form, minDigits: 4, maxDigits: 6 });
      });
      expect(received).toEqual([fromHex(arrived)]);
    });
  });
});
