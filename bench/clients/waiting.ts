/** What users that wait for a held card do to everything else in their process. */
import { pbkdf2 } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { now } from '../clock.js';
import type { Adapter, AdapterCard } from './adapter.js';
import type { Commands } from './serve.js';

const derive = promisify(pbkdf2);
const file = fileURLToPath(import.meta.url);
const command = Uint8Array.of(0x80, 0x10, 0, 0, 0);

export function waitingCommands(
  adapter: Adapter,
  readers: readonly string[],
  card: (index: string) => AdapterCard,
): Commands {
  const users: AdapterCard[] = [];
  let waiting: Promise<unknown> = Promise.resolve();

  const probes: Record<string, () => Promise<unknown>> = {
    transmit: () => card('1').transmit(command),
    readfile: () => readFile(file),
    pbkdf2: () => derive('password', 'salt', 100, 32, 'sha256'),
    dns: () => lookup('localhost'),
  };

  return {
    /** Connects COUNT users to the card of reader 0. */
    users: async (count) => {
      while (users.length < Number(count)) users.push(await adapter.open(readers[0] as string));
      return {};
    },
    /** Has COUNT users begin, transmit and end on the card of reader 0; does not wait for them. */
    wait: async (count) => {
      const jobs = users.slice(0, Number(count)).map(async (user) => {
        await user.begin?.();
        await user.transmit(command);
        await user.end?.();
      });
      waiting = Promise.all(jobs);
      waiting.catch(() => {});
      return {};
    },
    waited: async () => {
      await waiting;
      return {};
    },
    /** Milliseconds that one thing after another takes; no more of them once `limit` is over. */
    probe: async (kind, count, limit) => {
      const probe = probes[kind as string];
      if (!probe) throw new Error(`no probe ${kind}`);
      const until = now() + Number(limit);
      const ms: number[] = [];
      while (ms.length < Number(count) && (ms.length === 0 || now() < until)) {
        const start = now();
        await probe();
        ms.push(now() - start);
      }
      return { ms };
    },
    /** Microseconds of processor time so far, resident bytes, bytes on V8's heap (used, and taken from the system), threads, descriptors. */
    usage: async () => {
      const { user, system } = process.cpuUsage();
      (globalThis as { gc?: () => void }).gc?.();
      const { rss, heapUsed, heapTotal } = process.memoryUsage();
      return { cpuUs: user + system, rss, heapUsed, heapTotal, ...(await kernelCounts()) };
    },
  };
}

async function kernelCounts(): Promise<{ threads: number; descriptors: number }> {
  const { readdir } = await import('node:fs/promises');
  const count = async (what: string) => (await readdir(`/proc/self/${what}`)).length;
  return { threads: await count('task'), descriptors: await count('fd') };
}
