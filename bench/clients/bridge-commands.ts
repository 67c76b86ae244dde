/** What only this library is asked to do: hand-overs, aborts, the card cache, memory, exits, watching. */
import type { Card, ReaderWatch } from 'pcsc-bridge';
import { now, sleep } from '../clock.js';
import { connect, session } from './bridge-adapter.js';
import { fromHex, times } from './commands.js';
import type { Commands } from './serve.js';

const command = Uint8Array.of(0x80, 0x10, 0, 0, 0);

export function bridgeCommands(readers: readonly string[]): Commands {
  const held = readers[0] as string;
  const cards: Card[] = [];
  const cardsOpen = async (count: number) => {
    while (cards.length < count) cards.push(await connect(held));
    return cards.slice(0, count);
  };
  let watch: ReaderWatch | undefined;
  let watched = '';

  return {
    /** Milliseconds from the end of one transaction's callback to the start of the next one's, same card. */
    handover: async (count) => {
      const [first, second] = (await cardsOpen(2)) as [Card, Card];
      const ms: number[] = [];
      for (let i = 0; i < Number(count); i++) {
        let ended = 0;
        let begin = () => {};
        const begun = new Promise<void>((resolve) => {
          begin = resolve;
        });
        const holder = first.transaction(async () => {
          begin();
          await sleep(2 + Math.random() * 4);
          ended = now();
        });
        await begun;
        const waiter = second.transaction(() => {
          ms.push(now() - ended);
        });
        await Promise.all([holder, waiter]);
      }
      return { ms };
    },
    /** The order in which COUNT users get a card, by the order in which they asked. */
    order: async (count) => {
      const users = await cardsOpen(Number(count));
      const served: number[] = [];
      const jobs = users.map((user, place) =>
        user.transaction(async () => {
          served.push(place);
          await sleep(1);
        }),
      );
      await Promise.all(jobs);
      return { served };
    },
    /** Milliseconds from an abort to the rejection, of operations blocked on the card of reader 0. */
    abort: async (kind, count) => {
      const [card] = (await cardsOpen(1)) as [Card];
      const start: Record<string, (signal: AbortSignal) => Promise<unknown>> = {
        connect: (signal) => session.connect(held, { signal }),
        begin: (signal) => card.transaction(() => {}, { signal }),
        transmit: (signal) => card.transmit(command, { signal }),
        acquire: (signal) => session.transaction(held, () => {}, { signal }),
      };
      const ms: number[] = [];
      for (let i = 0; i < Number(count); i++) {
        const controller = new AbortController();
        const outcome = start[kind as string]?.(controller.signal).then(
          () => 'done',
          () => 'rejected',
        );
        await sleep(5);
        const aborted = now();
        controller.abort();
        if ((await outcome) !== 'rejected') throw new Error(`${kind} was not blocked`);
        ms.push(now() - aborted);
      }
      return { ms };
    },
    /** Microseconds of begin, transmit and end on a cached card. */
    'session-transactions': async (count, hex) => {
      const apdu = fromHex(hex as string);
      return {
        us: await times(Number(count), () =>
          session.transaction(held, (transaction) => transaction.transmit(apdu)),
        ),
      };
    },
    /** The same on a card that `session.connect` has opened. */
    'card-transactions': async (count, hex) => {
      const apdu = fromHex(hex as string);
      const [card] = (await cardsOpen(1)) as [Card];
      return {
        us: await times(Number(count), () => card.transaction((transaction) => transaction.transmit(apdu))),
      };
    },
    /** Wear: so many transmits, so many connects and disconnects. */
    churn: async (transmits, connects) => {
      const [card] = (await cardsOpen(1)) as [Card];
      for (let i = 0; i < Number(transmits); i++) await card.transmit(command);
      for (let i = 0; i < Number(connects); i++) await (await session.connect(held)).close();
      return {};
    },
    /** Blocks on the card of reader 0, tells the time, and ends the process; see measure/exit.ts. */
    exit: async (kind, way) => {
      const [card] = (await cardsOpen(1)) as [Card];
      const timeout = way === 'natural' ? 200 : undefined;
      const blocked =
        kind === 'connect'
          ? session.connect(held, { timeout })
          : kind === 'transmit'
            ? card.transmit(command, { timeout })
            : card.transaction(() => {}, { timeout });
      const given = blocked.then(
        () => 'done',
        () => 'rejected',
      );
      await Promise.race([given, sleep(250)]);
      setImmediate(() => {
        if (way === 'process.exit') process.exit();
        if (way === 'uncaught') throw new Error('on purpose');
        process.stdin.destroy();
      });
      return { at: now() };
    },
    watch: async (index) => {
      watched = readers[Number(index)] as string;
      watch = session.watch();
      // What is there already comes first, in the order of names.
      const last = [...readers].sort().at(-1);
      for (;;) {
        const { value } = await watch.next();
        if (value?.type === 'reader-added' && value.reader === last) return {};
      }
    },
    next: async () => {
      for (;;) {
        const { value } = (await watch?.next()) ?? {};
        const coming = value?.type === 'card-inserted' || value?.type === 'card-removed';
        if (coming && value.reader === watched) return { at: now() };
      }
    },
  };
}
