import { expect, test } from 'vitest';
import { fromHex, toHex } from '../../../src/apdu/index.js';
import { type Controllable, controlCode, modifyPinOnPad, verifyPinOnPad } from '../../../src/ccid/index.js';
import type { Transaction } from '../../../src/index.js';
import { pinStatus, selectPiv, sw, verifyPin } from '../../support/piv-host.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 1 });
await insertPiv(rig, 0, { pin: '123456' });
const session = await openBridge().openSession();
const { name: reader } = readerAt(rig);

const [verifyCode, modifyCode] = [0x42330006, 0x42330007];
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

/**
 * A reader with keys, played by the test: it reads the structures as <reader.h> of pcsc-lite lays them out, puts
 * what its user types into the command and sends that to a real (virtual) card.
 */
class PinPad implements Controllable {
  constructor(
    readonly transaction: Transaction,
    readonly typed: string[],
  ) {}

  async control(code: number, input = new Uint8Array()): Promise<Uint8Array> {
    if (code === controlCode(3400)) return fromHex('06 04 42330006 07 04 42330007');
    const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
    const moved = code === modifyCode ? 2 : 0;
    const most = input[5 + moved] ?? 0;
    const least = input[6 + moved] ?? 0;
    if (this.typed.some((pin) => pin.length < least || pin.length > most)) return fromHex('6403');
    const tail = code === modifyCode ? 20 : 15;
    const apdu = input.slice(tail + 4, tail + 4 + view.getUint32(tail, true));
    if (code === verifyCode) {
      this.#enter(apdu, 5, input);
    } else {
      const flags = input[9] ?? 0;
      if ((flags & 2) !== 0) this.#enter(apdu, 5 + (input[5] ?? 0), input);
      const [pin, again] = this.typed;
      if ((flags & 1) !== 0 && pin !== again) return fromHex('6402');
      this.#enter(apdu, 5 + (input[6] ?? 0), input);
    }
    return this.transaction.transmit(apdu);
  }

  #enter(apdu: Uint8Array, at: number, structure: Uint8Array): void {
    const format = structure[2] ?? 0;
    const pin = new TextEncoder().encode(this.typed.shift());
    const size = (structure[3] ?? 0) & 0x0f;
    const start = at + ((format >> 3) & 0x0f) + ((format & 4) !== 0 ? size - pin.length : 0);
    apdu.set(pin, start);
  }
}

test('a PIN typed on the reader is verified by the card', async () => {
  await session.transaction(reader, async (tx) => {
    expect(await sw(tx, selectPiv)).toBe(0x9000);
    const wrong = await verifyPinOnPad(new PinPad(tx, ['999999']), verify);
    expect(toHex(wrong.encode())).toMatch(/^63C\d$/);
    expect(await sw(tx, pinStatus)).not.toBe(0x9000);
    const right = await verifyPinOnPad(new PinPad(tx, ['123456']), verify);
    expect(right.sw).toBe(0x9000);
    expect(await sw(tx, pinStatus)).toBe(0x9000);
  });
});

test('a PIN is changed on the reader', async () => {
  await session.transaction(reader, async (tx) => {
    expect(await sw(tx, selectPiv)).toBe(0x9000);
    const differing = modifyPinOnPad(new PinPad(tx, ['123456', '654321', '654322']), change);
    await expect(differing).rejects.toMatchObject({ code: 'CCID_PINS_DIFFER' });
    const short = modifyPinOnPad(new PinPad(tx, ['123456', '65432', '65432']), change);
    await expect(short).rejects.toMatchObject({ code: 'CCID_PIN_LENGTH' });
    expect(await sw(tx, verifyPin('123456'))).toBe(0x9000);

    const changed = await modifyPinOnPad(new PinPad(tx, ['123456', '6543210', '6543210']), change);
    expect(changed.sw).toBe(0x9000);
    expect(await sw(tx, verifyPin('6543210'))).toBe(0x9000);
    expect(await sw(tx, verifyPin('123456'))).not.toBe(0x9000);
  });
});

test('a reader without keys is told from one with keys', async () => {
  await using card = await session.connect(reader);
  await expect(verifyPinOnPad(card, verify)).rejects.toMatchObject({ code: 'CCID_NO_FEATURE' });
});
