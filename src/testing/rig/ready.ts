/** Waits until a daemon serves clients with all its readers, and reports why it does not. */
import { readFileSync, watch } from 'node:fs';
import { RigError } from './error.js';
import { readerTable } from './pcscd.js';
import { type Device, readerNamePattern, SLOTS_PER_DEVICE } from './reader-config.js';
import type { Setup } from './setup.js';
import type { DaemonExit, Supervisor } from './supervisor.js';

/** Milliseconds a reader may be missing after the daemon answers; pcscd attaches them before it listens. */
const ATTACH_GRACE = 300;
/** Milliseconds after which to look again although the directory did not change. */
const LOOK_AGAIN = 20;
const LOG_TAIL = 64 * 1024;

/** The daemon answers, but not for all readers. */
export class ReadersMissing extends RigError {}

/**
 * Waits until the daemon answers clients and lists every reader.
 *
 * @returns the readers' full names, one per slot.
 */
export async function untilReady(
  setup: Setup,
  devices: readonly Device[],
  supervisor: Supervisor,
  deadline: AbortSignal,
): Promise<string[]> {
  let ended: DaemonExit | undefined;
  const exit = supervisor.exited.then((how) => {
    ended = how;
  });
  let answeredAt: number | undefined;
  for (;;) {
    deadline.throwIfAborted();
    if (ended) {
      throw failed(`pcscd ended at once with status ${ended.status}`, setup.directory.path);
    }
    const change = nextChange(setup.place.ipc, deadline);
    const table = await readerTable(setup.place.socket, deadline).catch(() => undefined);
    if (table) {
      answeredAt ??= performance.now();
      const names = devices.flatMap(({ friendlyName }) => table.match(readerNamePattern(friendlyName)) ?? []);
      if (names.length === devices.length * SLOTS_PER_DEVICE) {
        return names.slice(0, setup.slots);
      }
      if (performance.now() - answeredAt > ATTACH_GRACE) {
        const ports = devices.map(({ port }) => `${port}-${port + 1}`).join(', ');
        throw failed(
          `pcscd attached ${names.length} of ${devices.length * SLOTS_PER_DEVICE} virtual readers; ` +
            `another program may have taken one of the ports ${ports}`,
          setup.directory.path,
          ReadersMissing,
        );
      }
    }
    await Promise.race([change, exit]);
  }
}

/** Fulfilled when a file appears in the directory, or after a short time if the system does not report it. */
function nextChange(directory: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      watcher?.close();
      resolve();
    };
    const timer = setTimeout(done, LOOK_AGAIN);
    let watcher: ReturnType<typeof watch> | undefined;
    try {
      watcher = watch(directory, done);
      watcher.once('error', done);
    } catch {
      // No inotify instance is left: the timer takes over.
    }
    signal.addEventListener('abort', done);
  });
}

export function failed(what: string, directory: string, Kind: typeof RigError = RigError): RigError {
  const log = readLog(directory).trim();
  return new Kind('RIG_START_FAILED', `${what}. ${log ? `Its output:\n${log}` : 'It wrote nothing.'}`);
}

export function readLog(directory: string): string {
  try {
    return readFileSync(`${directory}/log`, 'utf8').slice(-LOG_TAIL);
  } catch {
    return '';
  }
}
