/** Faults of the PC/SC library at each function of a logon: a line per combination, one program per function. */
import { describe, expect, test } from 'vitest';
import { FakePcsc, type Kit } from '../../support/fake-pcsc.js';
import { codes, documented, type PcscFunction } from './documented-codes.js';

const reader = 'Reader 00 00';
const insert = [
  `card "${reader}" 3B00 T=1`,
  `answer "${reader}" 00 9000`,
  `attribute "${reader}" 0x10100 41`,
  `control "${reader}" 1 9000`,
];
const script = [`reader "${reader}"`, ...insert];

/** What the library does at the call, what it is told afterwards, and whether the logon has a time limit. */
interface Fault {
  action: string;
  heal: string[];
  hasLimit?: true;
}

interface Given {
  name: PcscFunction;
  skip: number;
  reader: string;
  faults: Record<string, Fault>;
}

/** How a logon ended with each fault: "goes on", or the code and the operation of its error. */
async function logOnWithFaults(
  kit: Kit,
  { name, skip, reader, faults }: Given,
): Promise<Record<string, string>> {
  const { fake } = kit;
  const bridge = new kit.bridge.CardBridge();
  const isEvicted = name === 'SCardDisconnect';
  const commands = [
    [0, 0xa4, 4, 0],
    [0, 0x20, 0, 0x80],
    [0, 0x87, 0x11, 0x9a],
  ].map((bytes) => Uint8Array.from(bytes));
  const open = (id: number) => bridge.openSession({ id, connectTime: 1n });
  type Session = Awaited<ReturnType<typeof open>>;

  async function logOn(session: Session, timeout = 10_000) {
    const options = { timeout };
    const own = name === 'SCardControl' || name === 'SCardGetAttrib';
    await session.transaction(
      reader,
      async (tx) => {
        for (const command of commands) await tx.transmit(command, options);
        if (own) {
          await tx.control(1, undefined, options);
          await tx.getAttribute('vendorName', options);
        }
      },
      options,
    );
    if (isEvicted) bridge.cache.evict(session.identity);
  }

  const before = await open(1);
  await logOn(before);
  await fake.saw('SCardGetStatusChange');
  // The context of the watch, and a cached card with its own.
  const atRest = () => fake.left().length === (isEvicted ? 1 : 3);
  await fake.until('nothing but the watch and one card', atRest);
  const seen: Record<string, string> = {};
  let id = 1;
  for (const [title, { action, heal, hasLimit }] of Object.entries(faults)) {
    id += 1;
    const session = await open(id);
    const other = await open(1000 + id);
    await fake.tell(`on ${name} skip ${skip} ${action}`);
    const attempt = logOn(session, hasLimit ? 200 : undefined);
    const ended = attempt.then(
      () => 'goes on',
      ({ code, operation }) => `${code} of ${operation}`,
    );
    await ended;
    // The end of an evicted card is not waited for.
    if (hasLimit && isEvicted) await fake.stuck(name);
    await fake.tell(`go ${name}`, 'forget-rules', ...heal);
    seen[title] = await ended;
    for (const next of [session, other]) {
      await logOn(next).catch((error) => {
        throw new Error(`after ${title} at ${name}, ${next.identity.id}: ${error.message}`);
      });
    }
    await Promise.all([session.close(), other.close()]);
    await logOn(before);
    await fake.until(`nothing but the watch and one card after ${title}`, atRest);
    if (bridge.cache.entries().length > 1) throw new Error(`entries are left after ${title}`);
  }
  await bridge.close();
  return seen;
}

const faults: Record<string, Fault> = {
  late: { action: 'delay 30', heal: [] },
  never: { action: 'stick', heal: [], hasLimit: true },
  'service stopped': { action: 'do stop-service 0x8010001d', heal: ['start-service'] },
  'card pulled': { action: `do card-gone "${reader}"`, heal: insert },
  'reader pulled': { action: `do reader-gone "${reader}"`, heal: script },
};

type Outcomes = Record<string, string>;
const connecting: Outcomes = {
  'card pulled': 'SCARD_E_NO_SMARTCARD of SCardConnect',
  'reader pulled': 'SCARD_E_UNKNOWN_READER of SCardConnect',
};
/** The evicted card: its context is released whatever SCardDisconnect returns. */
const closing: Outcomes = Object.fromEntries(
  [...Object.keys(faults), ...documented.SCardDisconnect].map((fault) => [fault, 'goes on']),
);

/** Outcomes that differ from the rule. The rule: the error has the code that was injected, and this function. */
const exceptions: Partial<Record<PcscFunction, Outcomes>> = {
  SCardEstablishContext: connecting,
  SCardConnect: { ...connecting, SCARD_E_SHARING_VIOLATION: 'goes on' },
  SCardReconnect: { 'card pulled': 'SCARD_E_NO_SMARTCARD of SCardReconnect' },
  SCardBeginTransaction: { SCARD_W_RESET_CARD: 'goes on' },
  SCardTransmit: { never: 'TIMEOUT_ERR of SCardTransmit', SCARD_E_PROTO_MISMATCH: 'goes on' },
  // The reader answers it, also without a card.
  SCardControl: {
    never: 'TIMEOUT_ERR of SCardControl',
    'card pulled': 'SCARD_W_REMOVED_CARD of SCardEndTransaction',
  },
  SCardGetAttrib: {
    never: 'TIMEOUT_ERR of SCardGetAttrib',
    'card pulled': 'SCARD_W_REMOVED_CARD of SCardEndTransaction',
  },
  SCardEndTransaction: { never: 'TIMEOUT_ERR of SCardEndTransaction' },
  SCardDisconnect: closing,
};

function ruleOf(name: PcscFunction, fault: string): string {
  if (fault === 'late') return 'goes on';
  if (fault === 'never') return 'TIMEOUT_ERR of transaction';
  const shown: Outcomes = {
    'service stopped': 'SCARD_E_NO_SERVICE',
    'card pulled': 'SCARD_W_REMOVED_CARD',
    'reader pulled': 'SCARD_E_READER_UNAVAILABLE',
  };
  return `${shown[fault] ?? fault} of ${name}`;
}

/** Calls of the function before the one that meets the fault: the first SCardGetAttrib looks whether the card is free. */
const skipped: Partial<Record<PcscFunction, number>> = { SCardGetAttrib: 1 };

describe('a logon through the library ends with the right error, and the next ones work', () => {
  test.each(Object.keys(documented) as PcscFunction[])(
    'at %s',
    async (name) => {
      const refusals = Object.fromEntries(
        documented[name].map((code) => [code, { action: `fail ${codes[code]}`, heal: [] }]),
      );
      const all = { ...faults, ...refusals };
      const fake = new FakePcsc(...script);
      const seen = await fake.run(logOnWithFaults, { name, skip: skipped[name] ?? 0, reader, faults: all });
      const expected = Object.keys(all).map((fault) => [
        fault,
        exceptions[name]?.[fault] ?? ruleOf(name, fault),
      ]);
      expect(seen).toEqual(Object.fromEntries(expected));
    },
    60_000,
  );
});
