/** The line protocol between a controller and its agents, with a peer that sends arbitrary bytes. */
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { printable } from '../../src/printable.js';
import { AgentLink } from '../../src/tools/repro/agents/agent-link.js';
import { parseHello } from '../../src/tools/repro/agents/hello.js';
import { LineSocket } from '../../src/tools/repro/agents/lines.js';
import { identityFrom, identityTo } from '../../src/tools/repro/agents/wire.js';
import { helloWith } from '../support/agent-peer.js';
import { bytes, cut, places, runs } from './arbitraries.js';

afterEach(() => vi.restoreAllMocks());

/** A socket as LineSocket uses it: what the test writes to it is received as data. */
function fakeSocket(): Socket {
  const stream = new PassThrough();
  stream.on('error', () => {});
  return Object.assign(stream, {
    setNoDelay: () => stream,
    setKeepAlive: () => stream,
    remoteAddress: '::ffff:127.0.0.1',
  }) as unknown as Socket;
}

/** The lines that a socket with this limit has received after all its data has arrived. */
function linesOf(parts: readonly Uint8Array[], longest: number): { lines: string[]; destroyed: boolean } {
  const socket = fakeSocket();
  const lines: string[] = [];
  new LineSocket(socket, longest).onLine((line) => lines.push(line));
  for (const part of parts) if (!socket.destroyed) socket.emit('data', Buffer.from(part));
  return { lines, destroyed: socket.destroyed };
}

describe('lines', () => {
  const stream = fc
    .array(
      fc.oneof({ weight: 5, arbitrary: bytes(12) }, { weight: 2, arbitrary: fc.constant(Uint8Array.of(10)) }),
    )
    .map((parts) => Uint8Array.from(Buffer.concat(parts)));

  test('are split at line ends, however the bytes are cut, up to the first line that is too long', () => {
    fc.assert(
      fc.property(stream, places, fc.integer({ min: 1, max: 24 }), (whole, at, longest) => {
        const all = Buffer.from(whole).toString('latin1').split('\n');
        const tooLong = all.findIndex((line) => line.length > longest);
        const unfinished = all.length - 1;
        const expected = all.slice(0, tooLong < 0 ? unfinished : Math.min(tooLong, unfinished));
        const { lines, destroyed } = linesOf(cut(whole, at), longest);
        expect(lines).toEqual(expected.map((line) => Buffer.from(line, 'latin1').toString('utf8')));
        expect(destroyed).toBe(tooLong >= 0);
      }),
      runs,
    );
  });

  test('take work that grows linearly with their length, in however many pieces they arrive', () => {
    const concat = vi.spyOn(Buffer, 'concat');
    const work = (pieces: number) => {
      concat.mockClear();
      linesOf([...Array(pieces).fill(Uint8Array.of(0x61)), Uint8Array.of(10)], 262_144);
      return concat.mock.calls.flatMap(([parts]) => parts.map((part) => part.length)).length;
    };
    expect(work(8000)).toBeLessThanOrEqual(8.5 * work(1000));
  });
});

const json = fc.jsonValue({ maxDepth: 3 });

describe('a hello', () => {
  const member = fc.oneof(json, fc.string({ maxLength: 300 }), fc.nat());
  const nearly = fc
    .dictionary(fc.constantFrom(...Object.keys(helloWith()), 'other'), member, { maxKeys: 3 })
    .map((changes) => ({ hello: helloWith(changes) }));
  const session = fc
    .record({ id: json, connectTime: fc.oneof(json, fc.bigInt().map(String)), user: json })
    .map((changed) => ({ hello: helloWith({ session: changed }) }));

  test('is parsed, or rejected with one sentence of printable text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.oneof(json, nearly, session).map((value) => JSON.stringify(value)),
        ),
        (line) => {
          try {
            const hello = parseHello(line);
            for (const text of [hello.name, hello.version, hello.platform])
              expect(text).toBe(printable(text));
          } catch (error) {
            const { message } = error as Error;
            expect(message).not.toMatch(
              /undefined is not|Cannot (read|convert|mix)|is not (a function|iterable)/,
            );
            expect(message).toBe(printable(message));
          }
        },
      ),
      runs,
    );
  });

  test('carries an identity without loss', () => {
    const identity = fc.record({
      id: fc.integer({ min: 0, max: 0xffff_ffff }),
      connectTime: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
    });
    fc.assert(
      fc.property(identity, (given) => {
        expect(identityFrom(identityTo(given))).toEqual(given);
      }),
      runs,
    );
  });
});

describe('a response', () => {
  const nearly = fc.record(
    { id: fc.oneof(fc.constant(1), json), result: json, error: json, event: json, watch: json },
    { requiredKeys: [] },
  );
  const line = fc.oneof(
    fc.string().map((text) => text.replaceAll('\n', ' ')),
    fc.oneof(json, nearly).map((value) => JSON.stringify(value)),
  );

  test('settles its request, or ends the link with a reason', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 4 }), async (lines) => {
        const socket = fakeSocket();
        socket.write = () => true; // requests are discarded
        const link = new AgentLink(new LineSocket(socket, 4096), 'the agent');
        const asked = link.request('one').then(
          () => 'answered',
          (error: Error) => error.name,
        );
        for (const one of lines) if (!socket.destroyed) socket.emit('data', Buffer.from(`${one}\n`));
        link.close();
        socket.destroy();
        expect(['answered', 'AgentError', 'AgentGoneError']).toContain(await asked);
        expect((await link.closed).message).toMatch(/^the agent went away: /);
      }),
      runs,
    );
  });
});
