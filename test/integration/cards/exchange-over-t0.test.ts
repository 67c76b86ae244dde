import { afterAll, beforeEach, expect, test } from 'vitest';
import { CommandApdu, fromHex, ResponseApdu, SW, toHex } from '../../../src/apdu/index.js';
import { type Applet, buildAtr, VirtualCard } from '../../../src/testing/virtual/index.js';
import { openBridge, readerAt, startRig } from '../../support/rig.js';

const AID = fromHex('F05043534301');

/** As on Cryptoflex, the application has a class of its own, and its GET RESPONSE has it too. */
const cryptoflex: Applet = {
  aid: AID,
  select: () => ResponseApdu.ok(fromHex('BEEF')),
  process: ({ cla, ins, ne }) => {
    if (cla !== 0xc0) return new ResponseApdu(SW.CLASS_NOT_SUPPORTED);
    return ins === 0xc0 ? ResponseApdu.ok(new Uint8Array(ne)) : new ResponseApdu(SW.MORE_DATA | 0x14);
  },
};

const received: string[] = [];
const rig = await startRig({ slots: 1 });
const { name, port } = readerAt(rig);
const virtual = await VirtualCard.insert({
  port,
  applets: [cryptoflex],
  atr: buildAtr({ protocols: ['T=0'] }),
  onApdu: ({ command }) => received.push(toHex(command)),
});
afterAll(() => virtual.remove());
const session = await openBridge().openSession();
const card = await session.connect(name);
const select = new CommandApdu({ cla: 0, ins: 0xa4, p1: 4, p2: 0, data: AID, ne: 256 });

beforeEach(async () => {
  await card.exchange(select);
  received.length = 0;
});

test('a command with data goes without Le, also if it is marked extended', async () => {
  for (const command of [select, select.with({ extended: true, ne: 65_536 })]) {
    expect(toHex((await card.exchange(command)).data)).toBe('BEEF');
  }
  const sent = [`00A4040006${toHex(AID)}`, '00C0000002'];
  expect(received).toEqual([...sent, ...sent]);
});

test('an extended command with more than 255 data bytes is refused and never sent', async () => {
  const long = new CommandApdu({
    cla: 0,
    ins: 0xd6,
    p1: 0,
    p2: 0,
    data: new Uint8Array(256),
    extended: true,
  });
  await expect(card.exchange(long)).rejects.toMatchObject({
    code: 'SCARD_E_INVALID_PARAMETER',
    reader: name,
    message: expect.stringContaining('send it as a chain, not extended, or connect with T=1'),
  });
  expect(received).toEqual([]);
});

test('GET RESPONSE has the class that the caller chooses', async () => {
  const command = fromHex('C0A40000023F00');
  expect((await card.exchange(command)).sw).toBe(SW.CONDITIONS_NOT_SATISFIED);
  for (const getResponseClass of ['same', 0xc0] as const) {
    const response = await card.transaction((tx) => tx.exchange(command, { getResponseClass }));
    expect(response).toMatchObject({ sw: SW.OK, data: new Uint8Array(0x14) });
  }
  const sent = toHex(command);
  expect(received).toEqual([sent, '00C0000014', sent, 'C0C0000014', sent, 'C0C0000014']);
});

test('a class that does not exist is refused', async () => {
  await expect(card.exchange(select, { getResponseClass: 0xff })).rejects.toThrow(RangeError);
});
