/** What every Node library is asked to do, in the same loops for all. */
import { now } from '../clock.js';
import type { Adapter, AdapterCard } from './adapter.js';
import type { Commands } from './serve.js';
import { waitingCommands } from './waiting.js';

export function adapterCommands(adapter: Adapter, readers: readonly string[]): Commands {
  const cards: AdapterCard[] = [];
  const queue: AdapterCard[] = [];
  const card = (index: string) => {
    const found = cards[Number(index)];
    if (!found) throw new Error(`card ${index} is not open`);
    return found;
  };
  const needTransactions = (target: AdapterCard) => {
    const { begin, end } = target;
    if (!begin || !end) throw new Error('has no transactions');
    return { begin: begin.bind(target), end: end.bind(target) };
  };

  return {
    version: async () => ({ version: adapter.version }),
    open: async (count) => {
      while (cards.length < Number(count)) cards.push(await adapter.open(readers[cards.length] as string));
      return {};
    },
    apdu: async (index, count, hex) => {
      const target = card(index as string);
      const apdu = fromHex(hex as string);
      return { us: await times(Number(count), () => target.transmit(apdu)) };
    },
    chain: async (index, count, hex) => {
      const target = card(index as string);
      const apdu = fromHex(hex as string);
      await target.begin?.();
      const us = await times(Number(count), () =>
        target.exchange ? target.exchange(apdu) : collect(target, apdu),
      );
      await target.end?.();
      return { us };
    },
    parallel: async (count, rounds, hex) => {
      const apdu = fromHex(hex as string);
      card(String(Number(count) - 1));
      const start = now();
      await Promise.all(
        cards.slice(0, Number(count)).map(async (target) => {
          for (let i = 0; i < Number(rounds); i++) await target.transmit(apdu);
        }),
      );
      return { ms: now() - start };
    },
    queue: async (count, hex) => {
      const apdu = fromHex(hex as string);
      while (queue.length < Number(count)) queue.push(await adapter.open(readers[0] as string));
      const users = queue.slice(0, Number(count));
      const start = now();
      await Promise.all(
        users.map(async (user) => {
          const { begin, end } = needTransactions(user);
          await begin();
          await user.transmit(apdu);
          await end();
        }),
      );
      return { ms: now() - start };
    },
    begin: async (index) => {
      await needTransactions(card(index as string)).begin();
      return { at: now() };
    },
    end: async (index) => {
      const at = now();
      await needTransactions(card(index as string)).end();
      return { at };
    },
    ...waitingCommands(adapter, readers, card),
  };
}

/** Microseconds of each. */
export async function times(count: number, action: () => Promise<unknown>): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await action();
    samples.push((performance.now() - start) * 1000);
  }
  return samples;
}

/** By hand, as a user of a library without such a thing does it. */
async function collect(card: AdapterCard, apdu: Uint8Array): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let response = await card.transmit(apdu);
  for (;;) {
    parts.push(response.subarray(0, -2));
    if (response[response.length - 2] !== 0x61) return Buffer.concat(parts);
    response = await card.transmit(Uint8Array.of(0x80, 0xc0, 0, 0, response[response.length - 1] as number));
  }
}

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}
