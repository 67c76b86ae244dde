/** The client's side of a local connection. */
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { connect, Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { Peer } from '../identity/peer.js';
import { native } from '../native/addon.js';
import { type Cancellation, type WaitOptions, waitFor } from '../support/cancellation.js';
import type { LocalConnection } from './connection.js';
import { peerOf } from './socket-peer.js';

/** How long to retry while the server's backlog is full. Windows retries for the same time. */
const patienceMs = 5000;
const longestPauseMs = 50;

/**
 * Connects to a LocalServer, or to another program that listens at that path. Check `peer` before you send confidential
 * data. On Windows it opens the pipe with the rights that every interactive user has (`net.connect` asks for more), and
 * the server cannot impersonate this user.
 *
 * If the server's backlog is full, it retries for five seconds. A server that refuses a connection closes it without a
 * message, possibly after this promise has resolved.
 *
 * @param path - The path of a Unix socket; on Windows `\\.\pipe\NAME`, the name of a pipe.
 * @throws {Error} The errors of `net.connect`; ECONNRESET if the server has closed the connection already.
 * @throws {PcscError} On Windows SCARD_E_NO_SERVICE if no program listens, SCARD_E_NO_ACCESS if this user may not
 *   connect. BRIDGE_E_SESSION_UNKNOWN if the system does not report the peer (another pid namespace).
 * @throws {TimeoutError | AbortError} `timeout` or `signal` ended the attempt.
 */
export async function connectLocally(path: string, options?: WaitOptions): Promise<LocalConnection> {
  const open = process.platform === 'win32' ? openPipe : openSocket;
  const connect = (cancel?: Cancellation) =>
    new Promise<LocalConnection>((resolve, reject) => {
      cancel?.onCancel(() => reject(new Error('cancelled')));
      open(path, cancel).then((connection) => {
        if (cancel?.cancelled) connection.socket.destroy();
        else resolve(connection);
      }, reject);
    });
  return waitFor('connectLocally', undefined, options, connect);
}

async function openPipe(path: string): Promise<LocalConnection> {
  const fd = await native.openPipe(path);
  try {
    const peer = new Peer(await native.peerOf(fd));
    return { socket: new Socket({ fd }).on('error', () => {}), peer };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

async function openSocket(path: string, cancel: Cancellation | undefined): Promise<LocalConnection> {
  const socket = await connectTo(path, cancel);
  try {
    const peer = await peerOf(socket);
    if (socket.destroyed || socket.readableEnded) throw closedAtOnce(path);
    return { socket, peer };
  } catch (error) {
    const closed = socket.destroyed;
    socket.destroy();
    throw closed ? closedAtOnce(path) : error;
  }
}

async function connectTo(path: string, cancel: Cancellation | undefined): Promise<Socket> {
  const giveUpAt = performance.now() + patienceMs;
  for (let pause = 1; ; pause = Math.min(2 * pause, longestPauseMs)) {
    const socket = connect(path);
    try {
      await once(socket, 'connect');
      return socket.on('error', () => {}); // 'close' follows
    } catch (error) {
      // The server's backlog is full (connect(2)).
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() > giveUpAt) throw error;
      if (cancel?.cancelled) throw error;
    }
    await setTimeout(pause);
  }
}

function closedAtOnce(path: string): Error {
  const sentence =
    `connectLocally: the server at ${path} closed the connection as soon as it was made; ` +
    'it may have as many connections as it takes, of this user or in total: try again later';
  return Object.assign(new Error(sentence), { code: 'ECONNRESET' });
}
