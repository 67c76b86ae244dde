/** The card's end of QEMU's ccid-card-passthru, against a stand-in for QEMU. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildAtr, PivApplet, PivCard } from '../../../src/testing/virtual/index.js';
import { selectPiv } from '../../support/piv-host.js';

const [init, confirmation, readerAdd, atr, cardRemove, apdu] = [1, 2, 3, 5, 6, 7];

/** QEMU's end: it confirms every message but a response. */
class Reader {
  readonly messages: { type: number; payload: Buffer }[] = [];
  #socket: Socket | undefined;
  #received = Buffer.alloc(0);
  #arrived: (() => void) | undefined;
  readonly #server = createServer((socket) => {
    this.#socket = socket;
    socket.on('data', (data) => this.#receive(data));
  });

  async listen(path: string): Promise<void> {
    this.#server.listen(path);
    await once(this.#server, 'listening');
  }

  /** Sends the bytes of a message in these pieces. */
  async send(type: number, payload: Uint8Array, pieceSize = 1000): Promise<void> {
    const message = Buffer.concat([header(type, payload.length), payload]);
    for (let at = 0; at < message.length; at += pieceSize) {
      await new Promise((done) => this.#socket?.write(message.subarray(at, at + pieceSize), done));
    }
  }

  async nextOf(type: number): Promise<Buffer> {
    for (;;) {
      const index = this.messages.findIndex((message) => message.type === type);
      const [found] = index < 0 ? [] : this.messages.splice(index, 1);
      if (found) return found.payload;
      await new Promise<void>((arrived) => {
        this.#arrived = arrived;
      });
    }
  }

  hangUp(): void {
    this.#socket?.destroy();
  }

  close(): void {
    this.#socket?.destroy();
    this.#server.close();
  }

  #receive(data: Buffer): void {
    this.#received = Buffer.concat([this.#received, data]);
    while (this.#received.length >= 12) {
      const end = 12 + this.#received.readUInt32BE(8);
      if (this.#received.length < end) return;
      const type = this.#received.readUInt32BE(0);
      this.messages.push({ type, payload: this.#received.subarray(12, end) });
      this.#received = this.#received.subarray(end);
      if (type !== apdu) this.#socket?.write(Buffer.concat([header(confirmation, 4), Buffer.alloc(4)]));
      this.#arrived?.();
    }
  }
}

function header(type = 0, length = 0): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(type, 0);
  bytes.writeUInt32BE(length, 8);
  return bytes;
}

let directory: string;
let reader: Reader;
const applet = await PivApplet.create();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pcsc-bridge-qemu-'));
  reader = new Reader();
  await reader.listen(join(directory, 'card'));
});
afterEach(async () => {
  reader.close();
  await rm(directory, { recursive: true });
});

const insert = () => PivCard.insertPiv({ socket: join(directory, 'card') }, applet);

test('a card announces itself, then its ATR, and leaves with a message', async () => {
  const card = await insert();
  const [first, second, third] = reader.messages;
  expect(first).toEqual({ type: init, payload: Buffer.from('565343440000000200000000', 'hex') });
  expect(second?.type).toBe(readerAdd);
  expect(third).toEqual({ type: atr, payload: Buffer.from(buildAtr()) });
  await card.remove();
  expect(reader.messages.at(-1)?.type).toBe(cardRemove);
  expect(await card.closed).toEqual({ reason: 'removed' });
});

test.each([1, 7, 13, 1000])('a command that arrives in pieces of %i bytes is answered', async (pieceSize) => {
  await using card = await insert();
  await reader.send(apdu ?? 7, selectPiv, pieceSize);
  const response = await reader.nextOf(apdu ?? 7);
  expect(response.subarray(-2).toString('hex')).toBe('9000');
  expect(card.apduCount).toBe(1);
});

test('the end of QEMU removes the card', async () => {
  const card = await insert();
  reader.hangUp();
  expect(await card.closed).toMatchObject({ reason: 'reader-gone' });
});

test('without QEMU, the error names the path', async () => {
  const path = join(directory, 'nothing');
  await expect(PivCard.insertPiv({ socket: path }, applet)).rejects.toThrow(
    `The reader at ${path} did not take the card`,
  );
});
