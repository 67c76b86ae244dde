/** Where it is measured: one daemon, its readers, and fast cards, for everybody the same. */
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Rig } from 'pcsc-bridge/rig';
import { Client, pinProcess } from './client.js';
import { findDaemon } from './processes.js';

export interface Setup {
  rig: Rig;
  /** Names. The first half are independent of each other; by default these have cards, and the others are empty. */
  readers: string[];
  /** Programs started here end with the setup. */
  start(name: string, command: string, args: readonly string[]): Client;
  /** The plain C program. */
  startC(name?: string): Client;
  /** The same by way of an event loop and a thread per card. */
  startHops(name: string): Client;
  /** This library, in a Node process of its own. */
  startBridge(name?: string, nodeOptions?: readonly string[]): Client;
  /** Orders to the cards: see native/cards.c. */
  cards: Client;
  daemonPid: number | undefined;
  /** Ends every program but the cards. */
  clear(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const allCores = `0-${Math.max(0, cpus().length - 1)}`;

export function built(program: string): string {
  return fileURLToPath(new URL(`../build/${program}`, import.meta.url));
}

/**
 * Readers of one device share a driver, which serves one of them at a time; those in the first half do not.
 * @param cardCount How many readers have a card.
 */
export async function setUp(slots = 16, cardCount = slots / 2): Promise<Setup> {
  const rig = await Rig.start({ slots, names: 'Bench' });
  const even = rig.readers.filter((_, slot) => slot % 2 === 0);
  const odd = rig.readers.filter((_, slot) => slot % 2 === 1);
  const ordered = [...even, ...odd];
  const readers = ordered.map(({ name }) => name);
  const env = { ...process.env, ...rig.env };
  const clients: Client[] = [];
  const start = (name: string, command: string, args: readonly string[]) => {
    const client = new Client(name, command, args, env);
    clients.push(client);
    return client;
  };
  const stop = async () => {
    await Promise.all(clients.map((client) => client.stop()));
    await rig.stop();
  };
  try {
    const cards = start(
      'cards',
      built('cards'),
      ordered.map(({ port }) => String(port)),
    );
    for (let card = 0; card < cardCount; card++) await cards.request(`insert ${card}`);
    // Waits until the daemon has seen them; some libraries do not wait for a card.
    const first = start('C', built('client'), readers);
    await first.request(`open ${cardCount}`);
    await first.stop();
    return {
      rig,
      readers,
      start,
      startC: (name = 'C') => start(name, built('client'), readers),
      startHops: (name) => start(name, built('client'), ['--hops', ...readers]),
      startBridge: (name = 'pcsc-bridge', nodeOptions = []) => {
        const program = fileURLToPath(new URL('clients/bridge.js', import.meta.url));
        return start(name, process.execPath, [...nodeOptions, program, ...readers]);
      },
      cards,
      daemonPid: findDaemon(rig.directory),
      clear: async () => {
        await Promise.all(clients.filter((client) => client !== cards).map((client) => client.stop()));
      },
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Pins the daemon and the cards; false where the daemon cannot be found. */
export async function pinSetup(setup: Setup, cores: string): Promise<boolean> {
  if (setup.daemonPid === undefined) return false;
  await Promise.all([pinProcess(setup.daemonPid, cores), setup.cards.pin(cores)]);
  return true;
}

/**
 * Clients on one core, daemon and cards on another.
 * @throws {Error} If that is not possible here.
 */
export async function pinApart(setup: Setup, clients: readonly Client[]): Promise<void> {
  if (cpus().length < 2) throw new Error('needs two cores');
  if (!(await pinSetup(setup, '1'))) throw new Error('the daemon is not to be found in /proc');
  await Promise.all(clients.map((client) => client.pin('0')));
}
