/**
 * A shell process that owns a rig's daemon and directories, so that both end with this process.
 *
 * It reads from a pipe to which this process never writes. The kernel closes the pipe however this process ends,
 * SIGKILL included; the supervisor then kills the daemon and removes the directories. If the supervisor is killed, the
 * kernel kills the daemon (the launcher requests that), and the reader of its output removes the directories.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { RigError } from './error.js';

export interface DaemonExit {
  /** Exit status; 128 + the signal's number for a daemon that was killed. */
  status: number;
}

/**
 * Makes the directories, then waits for signals. USR1 starts the daemon, the script `daemon` in the directory. USR2
 * kills it. TERM ends everything. Events are reported on standard output. A shell may miss a signal that arrives just
 * before it waits, so senders repeat their signals.
 *
 * The file `leftover` may name a directory that the daemon uses outside its own. The daemon's pid file there is removed
 * with the daemon, and the directory if it is then empty.
 */
const SCRIPT = `
unset PCSC_BRIDGE_SUPERVISOR
directory=$1 drivers=$2
daemon= again= previous= last=none
remove() {
  leftover=$(cat "$directory/leftover" 2>/dev/null)
  if [ -n "$leftover" ]; then
    if [ "$(cat "$leftover/pcscd.pid" 2>/dev/null)" = "$last" ]; then rm -f -- "$leftover/pcscd.pid"; fi
    rmdir -- "$leftover" 2>/dev/null
  fi
  rm -rf -- "$directory" "$drivers"
}
reap() {
  while kill -0 "$daemon" 2>/dev/null; do wait "$daemon"; status=$?; done
}
finish() {
  trap '' TERM INT HUP USR1 USR2
  # The signal may have come between the daemon's start and the next line.
  if [ -n "$previous" ] && [ "$!" != "$previous" ]; then daemon=$!; fi
  if [ -n "$daemon" ]; then
    last=$daemon
    kill -KILL "$daemon" 2>/dev/null
    reap
  fi
  remove
  kill -KILL "$watcher" 2>/dev/null
  exit 0
}
mkdir -m 700 -- "$directory" && mkdir -m 700 -- "$drivers" || { remove; exit 1; }
exec 3<&0
(
  while read -r _; do :; done
  tries=50
  while [ $tries -gt 0 ] && kill -TERM $$ 2>/dev/null; do sleep 0.1; tries=$((tries - 1)); done
  remove
) <&3 >/dev/null 2>&1 &
watcher=$!
trap finish TERM INT HUP
trap '[ -n "$daemon" ] || again=1' USR1
trap '[ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null' USR2
exec 3<&- </dev/null
echo ready
while kill -0 "$watcher" 2>/dev/null; do
  if [ -n "$again" ]; then
    again= status=0 previous=$!
    /bin/sh "$directory/daemon" >>"$directory/log" 2>&1 &
    daemon=$! last=$!
    echo "started $daemon"
    reap
    daemon= previous=
    echo "exited $status"
  else
    wait "$watcher"
  fi
done
finish
`;

/** Milliseconds after which a signal to the supervisor is repeated. */
const REPEAT = 100;

export class Supervisor {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #ready = deferred<void>();
  #started = deferred<number>();
  #daemon = deferred<DaemonExit>();
  #running = false;
  #alive = true;
  /** Fulfilled when the supervisor has ended, and with it the daemon and the directories. */
  readonly ended: Promise<void>;

  /** Makes both directories; they must not exist yet. */
  constructor({ path, drivers }: { path: string; drivers: string }, env: NodeJS.ProcessEnv) {
    // The script is passed in the environment, so that a process listing stays readable.
    const command = ['-c', 'eval "$PCSC_BRIDGE_SUPERVISOR"', 'pcsc-bridge-rig', path, drivers];
    this.#child = spawn('/bin/sh', command, {
      // A session of its own: a terminal's Ctrl-C is for this process, and its end is what counts.
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
      cwd: '/',
      env: { ...env, PCSC_BRIDGE_SUPERVISOR: SCRIPT },
    });
    this.ended = this.#watch();
    // A rig must never keep its process running.
    this.#child.unref();
    for (const stream of [this.#child.stdin, this.#child.stdout]) {
      // Bun has no such method: its pipes end with the child's reference.
      (stream as unknown as { unref?(): void }).unref?.();
    }
  }

  /** Fulfilled when the directories exist. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Fulfilled when the present daemon ends, for any reason. */
  get exited(): Promise<DaemonExit> {
    return this.#daemon.promise;
  }

  /** Kills the daemon, if it runs. */
  async kill(): Promise<void> {
    if (this.#running) {
      await this.#order('SIGUSR2', this.exited);
    }
  }

  /** Starts the daemon, which must not run, from the script `daemon` in the directory. */
  async start(): Promise<void> {
    await this.#order('SIGUSR1', this.#started.promise);
  }

  /** Kills the daemon and removes the directories. */
  async end(): Promise<void> {
    this.#child.ref();
    this.#child.stdin.destroy();
    await this.ended;
  }

  async #order(signal: NodeJS.Signals, done: Promise<unknown>): Promise<void> {
    const send = () => this.#alive && this.#signal(signal);
    const repeat = setInterval(send, REPEAT);
    try {
      if (!send()) {
        throw new RigError('RIG_STOPPED', 'The rig has been stopped; start a new one.');
      }
      await Promise.race([done, this.ended]);
    } finally {
      clearInterval(repeat);
    }
  }

  /** Not child.kill: Deno then reports that the child has ended, whatever the signal does to it. */
  #signal(signal: NodeJS.Signals): boolean {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return false;
    return process.kill(pid, signal);
  }

  async #watch(): Promise<void> {
    const lines = createInterface({ input: this.#child.stdout });
    lines.on('line', (line) => {
      const [event, value] = line.split(' ');
      if (event === 'ready') {
        this.#ready.resolve();
      } else if (event === 'started') {
        this.#running = true;
        this.#daemon = deferred();
        this.#started.resolve(Number(value));
      } else if (event === 'exited') {
        this.#running = false;
        this.#started = deferred();
        this.#daemon.resolve({ status: Number(value) });
      }
    });
    this.#child.stdin.on('error', () => {});
    let reason = 'the shell that looks after it has ended';
    try {
      await once(this.#child, 'close');
    } catch (error) {
      reason = `/bin/sh does not run: ${(error as Error).message}`;
    }
    this.#alive = false;
    this.#child.stdin.destroy();
    this.#ready.promise.catch(() => {});
    this.#ready.reject(new RigError('RIG_STOPPED', `The rig is stopped: ${reason}.`));
    this.#daemon.resolve({ status: 128 + constants.signals.SIGKILL });
  }
}

interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: Error): void;
}

function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (reason: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
