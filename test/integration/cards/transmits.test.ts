import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CommandApdu, fromHex, ResponseApdu } from '../../../src/apdu/index.js';
import { VirtualCard } from '../../../src/testing/virtual/index.js';
import { send } from '../../support/piv-host.js';
import { openBridge, readerAt, startRig } from '../../support/rig.js';
import { durationOf } from '../../support/time.js';

const rig = await startRig({ slots: 16 });
const session = await openBridge().openSession();

/** Responds with the data it received and the number of its slot. */
async function insertEcho(slot: number): Promise<VirtualCard> {
  const applet = {
    aid: fromHex('F0 50 43 53 43 01'),
    process: ({ data, p1 }: CommandApdu) => ResponseApdu.ok(p1 === 1 ? Uint8Array.of(slot) : data),
  };
  return VirtualCard.insert({ port: readerAt(rig, slot).port, applets: [applet] });
}

const selectEcho = new CommandApdu({ cla: 0, ins: 0xa4, p1: 4, p2: 12, data: fromHex('F05043534301') });

const echoes = await Promise.all(rig.readers.map((_, slot) => insertEcho(slot)));
const card = await session.connect(readerAt(rig).name);
await card.transmit(selectEcho.encode());

function echo(data: Uint8Array): Uint8Array {
  return new CommandApdu({ cla: 0x80, ins: 1, p1: 0, p2: 0, data, ne: 65_536, extended: true }).encode();
}

// vpcd's messages have at most 65,535 bytes, the command's length fields and header included.
describe('a response is exactly what the card sends', () => {
  test.each([1, 2, 127, 128, 255, 256, 1000, 4096, 32_767, 65_000, 65_526])(
    '%i bytes of data',
    async (length) => {
      const data = randomBytes(length);
      const response = await send(card, echo(data));
      expect(response.sw).toBe(0x9000);
      expect(Buffer.compare(response.data, data)).toBe(0);
    },
  );

  test('a status word alone', async () => {
    expect(await card.transmit(Uint8Array.of(0x00, 0xa4, 0x04, 0x00))).toHaveLength(2);
  });

  test('a Buffer and a view of a larger one are sent exactly', async () => {
    const data = randomBytes(16);
    const larger = Buffer.concat([randomBytes(7), echo(data), randomBytes(9)]);
    const view = larger.subarray(7, larger.length - 9);
    expect(Buffer.compare((await send(card, view)).data, data)).toBe(0);
  });
});

test('commands to one card are answered in order, even if all are sent at once', async () => {
  const commands = Array.from({ length: 500 }, (_, i) => Uint8Array.of(i >> 8, i & 0xff));
  const responses = await Promise.all(commands.map((data) => send(card, echo(data))));
  expect(responses.map(({ data }) => Buffer.from(data).readUInt16BE())).toEqual(
    Array.from({ length: 500 }, (_, i) => i),
  );
});

test('sixteen cards in sixteen readers respond at once, each with its own data', async () => {
  const cards = await Promise.all(rig.readers.map(({ name }) => session.connect(name)));
  const which = new CommandApdu({ cla: 0x80, ins: 1, p1: 1, p2: 0, ne: 256 }).encode();
  const slots = await Promise.all(
    cards.map(async (one) => {
      await one.transmit(selectEcho.encode());
      const answers = await Promise.all(Array.from({ length: 20 }, () => send(one, which)));
      return new Set(answers.map(({ data }) => data[0]));
    }),
  );
  expect(slots).toEqual(cards.map((_, slot) => new Set([slot])));
  await Promise.all(cards.map((one) => one.close()));
});

test('slow cards run concurrently', async () => {
  const slow = echoes.slice(0, 8);
  const cards = await Promise.all(slow.map((_, slot) => session.connect(readerAt(rig, slot * 2).name)));
  const devices = echoes.filter((_, slot) => slot % 2 === 0);
  for (const { faults } of devices) faults.responseDelay = 200;
  const took = await durationOf(Promise.all(cards.map((one) => one.transmit(selectEcho.encode()))));
  for (const { faults } of devices) faults.clear();
  expect(took).toBeLessThan(4 * 200);
  await Promise.all(cards.map((one) => one.close()));
});
