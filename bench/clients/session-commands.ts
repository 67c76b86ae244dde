/** Many sessions of this library in one process. */
import type { ReaderWatch, SessionContext } from 'pcsc-bridge';
import { now } from '../clock.js';
import { bridge } from './bridge-adapter.js';
import { fromHex } from './commands.js';
import type { Commands } from './serve.js';

/** A call that takes longer counts as failed, in milliseconds. */
const timeout = 10_000;
/** 2022: any time but 0, which means unknown. */
const connectTime = 133_000_000_000_000_000n;

interface User {
  session: SessionContext;
  reader: string;
  /** Undefined if it could not be started. */
  watch?: ReaderWatch;
}

export function sessionCommands(readers: readonly string[]): Commands {
  const users: User[] = [];
  let failures: Record<string, number> = {};

  const count = (what: string, error: unknown) => {
    const { name, code } = error as Error & { code?: string };
    const key = `${what}: ${code ?? name}`;
    failures[key] = (failures[key] ?? 0) + 1;
  };
  const attempt = async (what: string, call: () => Promise<unknown>) => {
    try {
      await call();
    } catch (error) {
      count(what, error);
    }
  };
  /** What all calls since the last answer came to. */
  const outcome = (since: number) => {
    const answer = { ms: now() - since, failures };
    failures = {};
    return answer;
  };
  const open = async (id: number, reader: string): Promise<User> => {
    const session = await bridge.openSession({ id, connectTime: connectTime + BigInt(id) });
    return { session, reader };
  };
  /** Starts to listen, and waits until the watch has reported the first reader. */
  const watch = async (user: User) => {
    user.watch = user.session.watch();
    await within(new Promise((resolve) => user.watch?.on('event', resolve)), 'the watch reports no reader');
  };
  const use = async ({ session, reader }: User, apdu: Uint8Array) => {
    await attempt('listReaders', async () => {
      const names = await session.listReaders({ timeout });
      if (names.length !== readers.length) throw new Error(`${names.length} readers`);
    });
    await attempt('transaction', () =>
      session.transaction(reader, (transaction) => transaction.transmit(apdu), { timeout }),
    );
  };

  return {
    /** Opens sessions, one after another, until there are COUNT: each watches, lists the readers, uses its card. */
    sessions: async (wanted, hex) => {
      const apdu = fromHex(hex as string);
      const since = now();
      while (users.length < Number(wanted)) {
        const user = await open(users.length + 1, readers[users.length % readers.length] as string);
        users.push(user);
        await attempt('watch', () => watch(user));
        await use(user, apdu);
      }
      return outcome(since);
    },
    /** ROUNDS times, every session lists the readers and uses its card, WIDTH sessions at a time. */
    'sessions-again': async (width, rounds, hex) => {
      const apdu = fromHex(hex as string);
      const since = now();
      for (let round = 0; round < Number(rounds); round++) {
        const queue = users.values();
        const lane = async () => {
          for (const user of queue) await use(user, apdu);
        };
        await Promise.all(Array.from({ length: Number(width) }, lane));
      }
      return outcome(since);
    },
    /** Waits until every watch has reported that the card of READER was taken out. */
    'sessions-hear': async (index) => {
      const since = now();
      const reports = users.map(({ watch }) =>
        attempt('card-removed', () =>
          within(
            new Promise<void>((resolve) =>
              watch?.on('card-removed', ({ reader }) => {
                if (reader === readers[Number(index)]) resolve();
              }),
            ),
            'the watch does not report it',
          ),
        ),
      );
      await Promise.all(reports);
      return outcome(since);
    },
    /** Microseconds of processor time so far, and when that was. */
    'processor-time': async () => {
      const { user, system } = process.cpuUsage();
      return { us: user + system, at: now() };
    },
    /** CARDS times LOGONS sessions at once: a transaction of APDUS commands through the cache, then a reset. */
    storm: async (cards, logons, apdus, hex) => {
      const apdu = fromHex(hex as string);
      const wanted = Number(cards) * Number(logons);
      while (users.length < wanted) {
        users.push(await open(users.length + 1, readers[users.length % Number(cards)] as string));
      }
      let transmitting = 0;
      const before = process.cpuUsage();
      const since = now();
      await Promise.all(
        users.map(({ session, reader }) =>
          session.transaction(
            reader,
            async (transaction) => {
              const begun = now();
              for (let i = 0; i < Number(apdus); i++) await transaction.transmit(apdu);
              transmitting += now() - begun;
            },
            { disposition: 'reset' },
          ),
        ),
      );
      const ms = now() - since;
      const { user, system } = process.cpuUsage(before);
      const whole = (1000 * ms * Number(cards)) / wanted;
      const transmit = (1000 * transmitting) / wanted;
      return {
        ms,
        processorMs: (user + system) / 1000,
        us: { transmit, 'everything else': whole - transmit },
      };
    },
  };
}

async function within(promise: Promise<unknown>, otherwise: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(otherwise)), timeout);
  });
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
