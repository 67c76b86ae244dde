/** The features of this pcscd, and its table of readers. */
import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { endianness } from 'node:os';
import { promisify } from 'node:util';
import { RigError } from './error.js';
import type { Parts } from './parts.js';

export interface PcscdFeatures {
  /** For example '1.9.9'. */
  version: string;
  /** The directory compiled in for its socket and pid file. */
  ipcDirectory: string;
  /** The directory compiled in for the drivers of real USB readers. */
  usbDirectory: string;
  /** True if it asks polkit for permission to use readers, and accepts an option against that. */
  canDisablePolkit: boolean;
  /** True if it accepts a listening socket by systemd's protocol. */
  takesSocket: boolean;
}

const run = promisify(execFile);

/**
 * @throws RigError RIG_START_FAILED when the program does not run or is older than 1.9.
 */
export async function describePcscd(
  { loader, pcscd: program }: Parts,
  env: NodeJS.ProcessEnv,
): Promise<PcscdFeatures> {
  const [command = program, ...words] = [...loader, program];
  const ask = (option: string) => run(command, [...words, option], { env, timeout: 5000 });
  let about: string;
  let help: string;
  try {
    [about, help] = (await Promise.all([ask('--version'), ask('--help')])).map(
      ({ stdout, stderr }) => stdout + stderr,
    ) as [string, string];
  } catch (cause) {
    throw new RigError('RIG_START_FAILED', `${program} does not run: ${(cause as Error).message}`, { cause });
  }
  const version = /version (\d+)\.(\d+)(\.\d+)?/.exec(about);
  if (!version || Number(version[1]) * 100 + Number(version[2]) < 109) {
    throw new RigError(
      'RIG_START_FAILED',
      `A rig needs pcscd 1.9 or later; ${program} is ${version?.[0] ?? 'of an unknown version'}.`,
    );
  }
  return {
    version: version[0].replace('version ', ''),
    ipcDirectory: /\bipcdir=(\S+)/.exec(about)?.[1] ?? '/run/pcscd',
    usbDirectory: /\busbdropdir=(\S+)/.exec(about)?.[1] ?? '/usr/lib/pcsc/drivers',
    canDisablePolkit: help.includes('--disable-polkit'),
    takesSocket: /\b(lib)?systemd\b/.test(about),
  };
}

/** CMD_GET_READERS_STATE of the client protocol, the same in every 4.x. */
const GET_READERS_STATE = 0x12;
/** 16 slots are 3 kB; anything much longer is not an answer to us. */
const LONGEST_ANSWER = 1 << 20;

/**
 * The daemon's table of readers, as text to look for reader names in.
 *
 * Asks as a client does, so an answer proves the socket, the daemon's main loop and its readers.
 *
 * @throws the socket's error (ENOENT, ECONNREFUSED) while the daemon does not listen.
 */
export function readerTable(socketPath: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    const abandon = () => socket.destroy();
    signal.addEventListener('abort', abandon);
    const chunks: Buffer[] = [];
    let length = 0;
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > LONGEST_ANSWER) {
        socket.destroy(new Error('The answer of pcscd is too long.'));
      }
    });
    socket.on('close', () => {
      signal.removeEventListener('abort', abandon);
      resolve(Buffer.concat(chunks).toString('latin1'));
    });
    // A header of two words in native byte order: payload size, command. When our side ends, the daemon
    // closes the connection after the answer, which shows that the answer is complete.
    const header = Buffer.alloc(8);
    if (endianness() === 'LE') {
      header.writeUInt32LE(GET_READERS_STATE, 4);
    } else {
      header.writeUInt32BE(GET_READERS_STATE, 4);
    }
    socket.end(header);
  });
}
