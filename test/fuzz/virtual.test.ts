import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CommandApdu, ResponseApdu, toHex } from '../../src/apdu/index.js';
import { friendlyNames, readerNamePattern } from '../../src/testing/rig/reader-config.js';
import { encodeFrame, FrameDecoder } from '../../src/testing/virtual/frames.js';
import { CardOs, PivApplet } from '../../src/testing/virtual/index.js';
import { bytes, cut, places, runs } from './arbitraries.js';

describe("vpcd's link", () => {
  test('decodes frames to the same payloads, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(bytes(300), { maxLength: 6 }), places, (payloads, at) => {
        const decoder = new FrameDecoder();
        const stream = Uint8Array.from(Buffer.concat(payloads.map(encodeFrame)));
        const decoded = cut(stream, at).flatMap((part) => [...decoder.push(part)]);
        expect(decoded).toEqual(payloads);
        expect(decoder.midMessage).toBe(false);
      }),
      runs,
    );
  });

  test('decodes any bytes to payloads and an incomplete frame', () => {
    fc.assert(
      fc.property(bytes(400), places, (stream, at) => {
        const decoder = new FrameDecoder();
        const decoded = cut(stream, at).flatMap((part) => [...decoder.push(part)]);
        const taken = decoded.reduce((sum, payload) => sum + 2 + payload.length, 0);
        expect(decoder.midMessage).toBe(taken < stream.length);
      }),
      runs,
    );
  });
});

describe('a virtual card', () => {
  const known = fc.record({
    cla: fc.constantFrom(0x00, 0x10, 0x80),
    ins: fc.constantFrom(0xa4, 0xc0, 0xcb, 0x20, 0x24, 0x87),
    p1: fc.constantFrom(0, 4, 0x3f),
    p2: fc.constantFrom(0, 0x80, 0x9a, 0xff),
    data: bytes(40),
    ne: fc.constantFrom(0, 1, 256),
  });
  const command = fc.oneof(
    bytes(40),
    known.map((fields) => new CommandApdu(fields).encode()),
  );

  test('responds to any bytes with a status word', async () => {
    const piv = await PivApplet.create({ pin: '123456', subject: 'Alice', algorithm: 'P256' });
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 8 }), async (commands) => {
        const card = new CardOs([piv]);
        for (const one of commands) {
          const response = await card.process(one.slice());
          expect(response).toBeInstanceOf(ResponseApdu);
          expect(response.sw >> 12).toBeGreaterThanOrEqual(6);
        }
      }),
      { ...runs, numRuns: Math.ceil(runs.numRuns / 4) },
    );
  });

  test('ends a chain without data before it exhausts memory', async () => {
    const card = new CardOs([]);
    const part = new CommandApdu({ cla: 0x10, ins: 0xcb, p1: 0, p2: 0 }).encode();
    let parts = 0;
    while ((await card.process(part)).ok && parts < 100_000) parts += 1;
    expect(parts).toBeLessThan(100_000);
  });
});

describe("the readers in pcscd's table", () => {
  test('are found by their device, among any other readers', () => {
    const name = fc
      .string({
        unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
        minLength: 1,
        maxLength: 100,
      })
      .filter((text) => !text.includes('"'));
    fc.assert(
      fc.property(name, bytes(100), bytes(100), (device, before, after) => {
        expect(friendlyNames(1, [device])).toEqual([device]);
        const text = (part: Uint8Array) => Buffer.from(part).toString('latin1');
        const readers = [`${device} 00 00`, `${device} 00 01`];
        const table = `${text(before)}\0${readers.join(`\0${toHex(before)}\0`)}\0${text(after)}`;
        const found = table.match(readerNamePattern(device)) ?? [];
        for (const reader of readers) expect(found).toContain(reader);
      }),
      runs,
    );
  });
});
