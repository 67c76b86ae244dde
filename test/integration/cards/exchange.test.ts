import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it } from 'vitest';
import { CommandApdu, exchange, MalformedApduError, toHex } from '../../../src/apdu/index.js';
import { PIV_AID, pinBlock } from '../../../src/testing/virtual/index.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';

const pin = '482615';
const rig = await startRig({ slots: 1 });
const piv = await insertPiv(rig, 0, { algorithm: 'RSA2048', pin });
const session = await openBridge().openSession();
const card = await session.connect(readerAt(rig).name);

const select = new CommandApdu({ cla: 0, ins: 0xa4, p1: 4, p2: 0, data: PIV_AID, ne: 256 });
const readCertificate = new CommandApdu({
  cla: 0,
  ins: 0xcb,
  p1: 0x3f,
  p2: 0xff,
  data: Uint8Array.from([0x5c, 3, 0x5f, 0xc1, 5]),
  ne: 256,
});
const verify = new CommandApdu({ cla: 0, ins: 0x20, p1: 0, p2: 0x80, data: pinBlock(pin) });

describe('an exchange', () => {
  it('returns the same response of many pieces as single transmits', async () => {
    await card.transaction(async (tx) => {
      await tx.exchange(select);
      const before = piv.apduCount;
      const whole = await tx.exchange(readCertificate);
      const pieces = piv.apduCount - before;
      expect(whole.sw).toBe(0x9000);
      expect(pieces).toBeGreaterThan(2);
      const single = await exchange((apdu) => tx.transmit(apdu), readCertificate);
      expect(toHex(whole.data)).toBe(toHex(single.data));
    });
  });

  it('sends a long command as a chain', async () => {
    await card.transaction(async (tx) => {
      await tx.exchange(select);
      expect((await tx.exchange(verify)).sw).toBe(0x9000);
      const block = Uint8Array.from([0, 1, ...Array(202).fill(0xff), 0, ...Array(51).fill(7)]);
      const template = Uint8Array.from([0x7c, 0x82, 1, 6, 0x82, 0, 0x81, 0x82, 1, 0, ...block]);
      const sign = new CommandApdu({ cla: 0, ins: 0x87, p1: 7, p2: 0x9a, data: template, ne: 256 });
      const before = piv.apduCount;
      const signature = await tx.exchange(sign);
      expect(signature.sw).toBe(0x9000);
      expect(signature.data.length).toBeGreaterThan(256);
      expect(piv.apduCount - before).toBeGreaterThanOrEqual(3);
    });
  });

  it('ends a chain with the response that stopped it', async () => {
    const wrong = new CommandApdu({ cla: 0, ins: 0x87, p1: 7, p2: 0x9a, data: new Uint8Array(300), ne: 256 });
    const answer = await card.transaction(async (tx) => {
      await tx.exchange(select);
      return tx.exchange(wrong);
    });
    expect(answer.ok).toBe(false);
  });

  it('accepts bytes too, outside a transaction', async () => {
    const answer = await card.exchange(select.encode());
    expect(answer.ok).toBe(true);
    expect(answer.data.length).toBeGreaterThan(8);
  });

  it('rejects invalid APDUs at once', async () => {
    await expect(card.exchange(Uint8Array.from([0, 0xa4, 4, 0, 9, 1]))).rejects.toThrow(MalformedApduError);
  });

  it('can be aborted while the card is slow', async () => {
    piv.faults.responseDelay = 2000;
    const start = performance.now();
    await expect(card.exchange(select, { timeout: 100 })).rejects.toThrow('did not end within 100 ms');
    expect(performance.now() - start).toBeLessThan(1000);
    piv.faults.clear();
    expect((await card.exchange(select)).ok).toBe(true);
  });
});

it('a command that is sent as a chain is published whole', async () => {
  const seen: string[] = [];
  const listener = (message: unknown) => seen.push(toHex((message as { command: Uint8Array }).command));
  const data = new Uint8Array(600).fill(0xab);
  subscribe('pcsc-bridge:apdu', listener);
  try {
    // PUT DATA of an object. The card rejects it at its end, which does not matter here.
    await card.exchange(new CommandApdu({ cla: 0, ins: 0xdb, p1: 0x3f, p2: 0xfe, data }));
  } finally {
    unsubscribe('pcsc-bridge:apdu', listener);
  }
  expect(seen).toEqual([`00DB3FFE000258${'AB'.repeat(600)}`]);
});

it('subscribers to pcsc-bridge:apdu see commands and responses, never a PIN', async () => {
  const seen: { command: string; response: string }[] = [];
  const listener = (message: unknown) => {
    const { command, response } = message as { command: Uint8Array; response: Uint8Array };
    seen.push({ command: toHex(command), response: toHex(response) });
  };
  subscribe('pcsc-bridge:apdu', listener);
  try {
    await card.transaction(async (tx) => {
      await tx.exchange(select);
      await tx.transmit(verify.encode());
    });
  } finally {
    unsubscribe('pcsc-bridge:apdu', listener);
  }
  expect(seen).toHaveLength(2);
  expect(seen[0]?.command.toLowerCase()).toBe(toHex(select.encode()).toLowerCase());
  expect(seen[1]).toEqual({ command: `0020008008${'00'.repeat(8)}`, response: '9000' });
});
