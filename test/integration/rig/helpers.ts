import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, vi } from 'vitest';
import { packagesDirectory, type Rig } from '../../../src/testing/rig/index.js';

const run = promisify(execFile);

export interface ListedReader {
  name: string;
  hasCard: boolean;
}

/** What OpenSC, an independent client, sees in the daemon. */
export async function listWithOpensc(rig: Pick<Rig, 'env'>): Promise<ListedReader[]> {
  const { stdout } = await run('opensc-tool', ['-l'], { env: { ...process.env, ...rig.env } });
  return [...stdout.matchAll(/^\d+\s+(Yes|No)\s+(?:PIN pad\s+)?(\S.*)$/gm)].map(([, card, name]) => ({
    name: name as string,
    hasCard: card === 'Yes',
  }));
}

/** What pcsc_scan, another client, sees in the daemon. */
export async function listWithPcscScan(rig: Pick<Rig, 'env'>): Promise<string[]> {
  const { stdout } = await run('pcsc_scan', ['-r'], { env: { ...process.env, ...rig.env }, timeout: 10_000 });
  return [...stdout.matchAll(/^\d+: (.+)$/gm)].map(([, name]) => (name as string).trim());
}

/** A card that supports only SELECT. Disposing of it removes it from the reader. */
export async function insertCard(port: number): Promise<AsyncDisposable> {
  const atr = Buffer.from('3b80018101', 'hex');
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let received = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (data) => {
    received = Buffer.concat([received, data]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const message = received.subarray(2, 2 + received.readUInt16BE(0));
      received = received.subarray(2 + message.length);
      const answer = message.length > 1 ? Buffer.from('6d00', 'hex') : message[0] === 4 ? atr : undefined;
      if (answer) {
        socket.write(Buffer.concat([Buffer.from([0, answer.length]), answer]));
      }
    }
  });
  return {
    async [Symbol.asyncDispose]() {
      if (!socket.destroyed) {
        socket.destroy();
        await once(socket, 'close');
      }
    },
  };
}

export async function waitForCard(rig: Rig, slot: number): Promise<void> {
  const name = rig.readers[slot]?.name;
  await vi.waitFor(
    async () =>
      expect((await listWithOpensc(rig)).find((reader) => reader.name === name)?.hasCard).toBe(true),
    { timeout: 10_000, interval: 100 },
  );
}

/** Processes whose command line contains the text. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Fails unless nothing of the rig is left, now or within a short time. */
export async function expectGone({ directory, port }: { directory: string; port: number }): Promise<void> {
  await vi.waitFor(
    async () => {
      expect(processesWith(directory)).toEqual([]);
      expect(existsSync(directory)).toBe(false);
      expect(await accepts(port)).toBe(false);
    },
    { timeout: 5000, interval: 20 },
  );
}

export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/**
 * A copy of the compiled rig, and of the files that it needs of the rest, for processes of other users.
 *
 * @returns the directory of the rig, which others may read; it is removed after the tests of the file.
 */
export function copyRig(): string {
  const output = mkdtempSync(join(tmpdir(), 'pcsc-bridge-compiled-'));
  afterAll(() => rmSync(output, { recursive: true }));
  chmodSync(output, 0o755);
  const dist = fileURLToPath(new URL('../../../dist/', import.meta.url));
  for (const path of ['testing/rig', 'native/programs.js', 'native/platform.js']) {
    cpSync(join(dist, path), join(output, path), { recursive: true });
  }
  writeFileSync(join(output, 'package.json'), '{ "type": "module" }');
  return join(output, 'testing/rig');
}

export interface RigProcess {
  child: ReturnType<typeof spawn>;
  directory: string;
  port: number;
  socket: string;
  env: Rig['env'];
}

/**
 * Starts a process that starts a rig, and then does `rest`.
 *
 * @param launcher - The prefix of node's command line.
 */
export async function rigProcess(
  compiled: string,
  rest: string,
  { launcher = [], options = '{ slots: 1 }' }: { launcher?: string[]; options?: string } = {},
): Promise<RigProcess> {
  const program = `
    import { Rig } from ${JSON.stringify(join(compiled, 'index.js'))};
    const rig = await Rig.start(${options});
    const { directory, socket, env } = rig;
    console.log(JSON.stringify({ directory, socket, env, port: rig.readers[0].port }));
    ${rest}`;
  const command = [...launcher, process.execPath, '--input-type=module', '--eval', program];
  const packages = packagesDirectory();
  const child = spawn(command[0] as string, command.slice(1), {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: '/',
    env: { ...process.env, ...(existsSync(packages) ? { PCSC_BRIDGE_PACKAGES: packages } : {}) },
  });
  let errors = '';
  child.stderr.on('data', (data) => {
    errors += data;
  });
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (data) => resolve(String(data)));
    child.once('close', () => reject(new Error(`The process with the rig ended early: ${errors}`)));
  });
  return { child, ...(JSON.parse(line) as Omit<RigProcess, 'child'>) };
}
