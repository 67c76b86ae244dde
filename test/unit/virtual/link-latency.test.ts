import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { fromHex } from '../../../src/apdu/index.js';
import { buildAtr, VpcdLink } from '../../../src/testing/virtual/index.js';

/** Linux delays an acknowledgement by at least this time. */
const DELAYED_ACK_MS = 40;
const ROUNDS = 40;

/** Writes as vpcd does: length and payload separately, with Nagle's algorithm. */
async function roundTrip(socket: Socket, apdu: Uint8Array): Promise<number> {
  const start = performance.now();
  socket.write(Uint8Array.of(0, apdu.length));
  socket.write(apdu);
  await once(socket, 'data');
  return performance.now() - start;
}

test.runIf(process.platform === 'linux')(
  'a reader that writes length and payload separately does not wait for a delayed acknowledgement',
  async () => {
    const server = createServer({ noDelay: false }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const connection = once(server, 'connection');
    const link = await VpcdLink.connect(
      { port: (server.address() as AddressInfo).port },
      {
        atr: () => buildAtr(),
        apdu: () => link.send(fromHex('9000')),
        powerOn: () => {},
        powerOff: () => {},
        reset: () => {},
        closed: () => {},
      },
    );
    const [socket] = (await connection) as [Socket];
    const times: number[] = [];
    for (let i = 0; i < ROUNDS; i++) times.push(await roundTrip(socket, fromHex('00A40000')));
    link.close();
    server.close();
    const median = times.sort((a, b) => a - b)[ROUNDS / 2] ?? Number.POSITIVE_INFINITY;
    expect(median).toBeLessThan(DELAYED_ACK_MS / 4);
  },
);
