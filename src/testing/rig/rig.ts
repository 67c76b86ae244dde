import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Deadline } from './deadline.js';
import { chooseDirectory } from './directory.js';
import { RigError } from './error.js';
import { type CardHold, type HoldOptions, holdWithin } from './hold.js';
import { coveredDirectory, findLaunch, type Isolation, type Place, placeIn } from './isolation.js';
import { findParts, type PartsSearch } from './parts.js';
import { describePcscd } from './pcscd.js';
import { type Device, friendlyNames } from './reader-config.js';
import { failed, ReadersMissing, readLog, untilReady } from './ready.js';
import {
  clientEnvironment,
  configureReaders,
  daemonEnvironment,
  layOut,
  portOf,
  type RigEnvironment,
  type Setup,
  writeDaemonScript,
} from './setup.js';
import { type DaemonExit, Supervisor } from './supervisor.js';

export interface RigReader {
  /** The exact name PC/SC clients see. */
  name: string;
  /** The TCP port a virtual card connects to. */
  port: number;
}

export interface RigOptions {
  /** Number of readers, 1 to 16. */
  slots: number;
  /**
   * What the readers are called. A vpcd device has two slots, so a list needs one name per *two* slots;
   * PC/SC adds ` 00 00` for the first and ` 00 01` for the second. One string is the beginning of every
   * name. Default: 'Virtual Reader', which gives `Virtual Reader A 00 00`, `Virtual Reader A 00 01`,
   * `Virtual Reader B 00 00` and so on.
   */
  names?: string | readonly string[];
  /** Aborts the start and cleans up. */
  signal?: AbortSignal;
  /**
   * Milliseconds within which the daemon must serve all readers.
   * @default 10000
   */
  timeout?: number;
  /**
   * The kind of isolation.
   * @default 'namespace' if permitted, else 'socket'
   */
  isolation?: Isolation;
  /**
   * Where to look for pcscd and the driver.
   * @default the usual directories
   */
  parts?: PartsSearch;
}

/** Attempts with other ports if another program takes one before pcscd does. */
const PORT_TRIES = 5;

/**
 * A private pcscd with virtual readers, in a directory that only this user can enter.
 *
 * ```ts
 * await using rig = await Rig.start({ slots: 4 });
 * spawn('pcsc_scan', { env: { ...process.env, ...rig.env } });
 * // a virtual card connects to rig.readers[0].port
 * ```
 *
 * It does not need root if user namespaces are permitted, and it never touches real readers or the system's pcscd
 * (isolation.ts documents one exception). It ends with this process, however that ends, and does not keep it running.
 * With an odd number of slots clients see one more reader, which stays empty, because vpcd's devices have two slots.
 *
 * Exposure: vpcd listens on every network interface, so a program that reaches a reader's port can insert a virtual
 * card. Run rigs behind a firewall, in a container, or in a network namespace together with the cards.
 */
export class Rig implements AsyncDisposable {
  readonly readers: readonly RigReader[];
  /** The daemon's socket. */
  readonly socket: string;
  /** The rig's directory; gone after `stop`. */
  readonly directory: string;
  readonly env: RigEnvironment;
  readonly isolation: Isolation;
  /** pcscd's version, for example '1.9.9'. */
  readonly version: string;

  readonly #supervisor: Supervisor;
  readonly #setup: Setup;
  readonly #devices: readonly Device[];
  #lastLog = '';
  #stopped = false;

  private constructor(
    setup: Setup,
    devices: readonly Device[],
    supervisor: Supervisor,
    isolation: Isolation,
    names: string[],
  ) {
    this.#setup = setup;
    this.#devices = devices;
    this.#supervisor = supervisor;
    this.isolation = isolation;
    this.readers = names.map((name, slot) => ({ name, port: portOf(devices, slot) }));
    this.socket = setup.place.socket;
    this.directory = setup.directory.path;
    this.version = setup.features.version;
    this.env = clientEnvironment(setup.parts, setup.place.socket);
  }

  /**
   * Starts a daemon and waits until it serves clients with all its readers.
   *
   * @throws {RigError} RIG_PARTS_MISSING, RIG_NOT_PERMITTED or RIG_START_FAILED (with pcscd's output).
   * @throws {RangeError | TypeError} The number of slots or the names are invalid.
   * @throws The signal's reason if it aborts.
   */
  static async start(options: RigOptions): Promise<Rig> {
    const { slots, signal, timeout = 10_000 } = options;
    const names = friendlyNames(slots, options.names);
    signal?.throwIfAborted();
    const parts = findParts(options.parts);
    const env = daemonEnvironment(parts);
    const features = await describePcscd(parts, env);
    using limit = new Deadline(timeout, signal);
    const directory = await chooseDirectory(coveredDirectory(features));
    const place = placeIn(directory.path, features);
    const setup: Setup = { parts, features, directory, place, names, slots };
    const supervisor = new Supervisor(directory, env);
    try {
      await supervisor.ready;
      await layOut(setup);
      const launch = await findLaunch(features, place, parts.unshare, env, options.isolation);
      await writeDaemonScript(setup, launch);
      for (let tries = 1; ; tries++) {
        const devices = await configureReaders(setup, limit.signal);
        await supervisor.start();
        try {
          const readers = await untilReady(setup, devices, supervisor, limit.signal);
          return new Rig(setup, devices, supervisor, launch.isolation, readers);
        } catch (error) {
          if (!(error instanceof ReadersMissing) || tries === PORT_TRIES) {
            throw error;
          }
          await supervisor.kill();
          await removeTraces(place);
        }
      }
    } catch (error) {
      const failure = limit.passed ? failed(tooLate(timeout), directory.path) : error;
      await supervisor.end();
      throw failure;
    }
  }

  /** Fulfilled when the present daemon ends, for any reason. After a restart there is a new promise. */
  get exited(): Promise<DaemonExit> {
    return this.#supervisor.exited;
  }

  /** The end of pcscd's output, also after the rig was stopped. */
  log(): string {
    return readLog(this.directory) || this.#lastLog;
  }

  /** Kills the daemon as a crash would. Socket file, ports and reader names stay reserved for a restart. */
  async killDaemon(): Promise<void> {
    await this.#supervisor.kill();
  }

  /**
   * Kills the daemon, if it runs, and starts it again with the same socket, ports and reader names.
   *
   * @throws {RigError} RIG_START_FAILED if it does not come up with all readers, RIG_STOPPED after `stop`.
   */
  async restartDaemon(options: { signal?: AbortSignal; timeout?: number } = {}): Promise<void> {
    const { signal, timeout = 10_000 } = options;
    using limit = new Deadline(timeout, signal);
    await this.#supervisor.kill();
    await removeTraces(this.#setup.place);
    await this.#supervisor.start();
    try {
      await untilReady(this.#setup, this.#devices, this.#supervisor, limit.signal);
    } catch (error) {
      throw limit.passed ? failed(tooLate(timeout), this.directory) : error;
    }
  }

  /**
   * Holds a transaction on the card in a reader from another process, as another program does that uses the card:
   *
   * ```ts
   * await using hold = await rig.hold(reader);
   * await assert.rejects(session.transaction(reader.name, () => {}, { timeout: 500 }), { name: 'TimeoutError' });
   * await hold.release();
   * ```
   *
   * Resolves when the other process has the card. If a third program has it, waits for that one.
   *
   * @param reader - One of `readers`, or its name.
   * @throws {RigError} RIG_HOLD_FAILED if there is no card in the reader, or if the time is over; RIG_PARTS_MISSING if
   *   the program pcsc-holder is missing; RIG_STOPPED after `stop`.
   * @throws The signal's reason if it aborts.
   */
  async hold(reader: RigReader | string, options: HoldOptions = {}): Promise<CardHold> {
    if (this.#stopped) throw new RigError('RIG_STOPPED', 'The rig has been stopped; start a new one.');
    const name = typeof reader === 'string' ? reader : reader.name;
    return await holdWithin(name, { ...process.env, ...this.env }, options);
  }

  /** Ends the daemon and removes the directory. May be called more than once. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#lastLog = this.log();
    await this.#supervisor.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function tooLate(timeout: number): string {
  return `pcscd did not come up with all its readers within ${timeout} ms`;
}

/**
 * Removes the pid file of a killed pcscd. The next pcscd would otherwise look for that process id, which may belong to
 * another process by now.
 */
async function removeTraces({ ipc, socket }: Place): Promise<void> {
  await rm(socket, { force: true });
  await rm(join(ipc, 'pcscd.pid'), { force: true });
}
