/** Calls that are stuck inside the stand-in library, and what a program does about them. */
import type { Kit } from './fake-pcsc.js';
import { programUnderTest } from './under-test.js';

export const reader = 'Reader 00 00';
export const other = 'Reader 01 00';
export const script = [reader, other].flatMap((name) => [
  `reader "${name}"`,
  `card "${name}" 3B00 T=1`,
  `answer "${name}" 00 9000`,
  `control "${name}" 1 9000`,
  `attribute "${name}" 0x10100 41`,
]);

export interface Given {
  /** The function that sticks, and the call that reaches it. */
  name: string;
  way: string;
  /** Aborts and continues; aborts and has nothing more to do; exits in the middle. */
  how: 'goes on' | 'gives up' | 'exits';
  reader: string;
  other: string;
}

export async function getStuck(kit: Kit, { name, way, how, reader, other }: Given) {
  const { fake, errorOf } = kit;
  const bridge = new kit.bridge.CardBridge();
  const session = await bridge.openSession({ id: 1, connectTime: 1n, unknownLastUser: 'trust' });
  const select = Uint8Array.of(0, 0xa4, 4, 0);
  const neighbour = await session.connect(other);
  const connected = !['connect', 'cached'].includes(way);
  const card = connected ? await session.connect(reader) : undefined;
  if (way === 'listReaders' || way === 'closeSession') await session.listReaders();
  await fake.tell(`on ${name} ${how === 'goes on' ? '' : 'always'} stick`);
  const watch = session.watch();
  const abort = new AbortController();
  const options = { signal: abort.signal };
  const ways: Record<string, () => Promise<unknown> | undefined> = {
    connect: () => session.connect(reader, options),
    cached: () => session.transaction(reader, () => {}, options),
    reconnect: () => card?.reconnect(options),
    begin: () => card?.transaction(() => {}, options),
    status: () => card?.status(options),
    transmit: () => card?.transmit(select, options),
    transmitInTransaction: () => card?.transaction((tx) => tx.transmit(select, options)),
    control: () => card?.control(1, undefined, options),
    setAttribute: () => card?.setAttribute('vendorName', select, options),
    listReaders: () => session.listReaders(options),
    watch: () => watch.next(),
    close: () => card?.close(),
    closeSession: () => session.close(),
  };
  const waiting = ways[way]?.() ?? Promise.resolve();
  waiting.catch(() => {});
  const stuck = await fake.stuck(name);
  if (how !== 'goes on') {
    if (how === 'exits') kit.exits();
    else kit.mayLeave();
    abort.abort();
    watch.close();
    return undefined;
  }

  const start = performance.now();
  abort.abort();
  const error = await errorOf(waiting);
  const settledAfter = performance.now() - start;
  const meanwhile = await neighbour.transmit(select);
  // The stuck call may be in a transaction that it began. The card stays locked until it has ended that.
  const keepsCard =
    way === 'transmitInTransaction' ||
    (way === 'cached' && name === 'SCardStatus') ||
    (way === 'transmit' && process.platform === 'win32');
  const transmit = async () => (card ?? (await session.connect(reader))).transmit(select, { timeout: 5000 });
  // A stuck connect keeps the reader's turn until it returns. Later ones wait in this process.
  const keepsTurn = way === 'connect' || (way === 'cached' && name === 'SCardConnect');
  const later = async () => {
    const before = fake.calls('SCardConnect').length;
    const errors = await Promise.all([
      errorOf(session.connect(reader, { timeout: 100 })),
      errorOf(session.transaction(reader, () => {}, { timeout: 100 })),
    ]);
    return [...errors.map((error) => error.name), fake.calls('SCardConnect').length - before];
  };
  const again = keepsTurn ? await later() : keepsCard ? meanwhile : await transmit();
  const stillStuck = fake.calls(name).some((call) => call.call === stuck.call && call.done === undefined);

  const before = fake.calls().length;
  await fake.tell(`go ${name}`);
  const find = () => fake.calls(name).find(({ call }) => call === stuck.call)?.done;
  const late = await fake.until('the late return', find);
  // A stuck SCardEstablishContext has a context only now.
  const context = stuck.context || late.context;
  const looks = ['SCardGetAttrib', 'SCardStatus'];
  await fake.saw('SCardReleaseContext', (call) => call.context === context);
  const undone = fake
    .calls()
    .slice(before)
    .filter((call) => call.context === context && !looks.includes(call.name))
    .map((call) => `${call.name.slice(5)} ${call.disposition ?? ''}`.trim());
  const atLast = await transmit();
  await bridge.close();
  return { error, settledAfter, meanwhile, again, atLast, stillStuck, undone };
}

const onWindows = programUnderTest().platform === 'windows';

// The function that sticks, the call that reaches it, and how it is undone when it returns late.
export const calls: [name: string, way: string, undone: string][] = [
  ['SCardEstablishContext', 'connect', 'ReleaseContext'],
  ['SCardConnect', 'connect', 'Disconnect 0, ReleaseContext'],
  ['SCardReconnect', 'reconnect', 'Disconnect 0, ReleaseContext'],
  ['SCardBeginTransaction', 'begin', 'EndTransaction 0, Disconnect 0, ReleaseContext'],
  ['SCardStatus', 'status', 'Disconnect 0, ReleaseContext'],
  // Without a way to check whether the card is free, a transaction waits for it: see Connection::OnCard.
  ['SCardTransmit', 'transmit', `${onWindows ? 'EndTransaction 0, ' : ''}Disconnect 0, ReleaseContext`],
  // The card may have executed the command, so it is reset.
  ['SCardTransmit', 'transmitInTransaction', 'EndTransaction 1, Disconnect 0, ReleaseContext'],
  ['SCardControl', 'control', 'Disconnect 0, ReleaseContext'],
  ['SCardSetAttrib', 'setAttribute', 'Disconnect 0, ReleaseContext'],
  // Called twice: for the length, then for the text.
  ['SCardListReaders', 'listReaders', 'ListReaders, ReleaseContext'],
  ['SCardConnect', 'cached', 'Disconnect 0, ReleaseContext'],
  ['SCardBeginTransaction', 'cached', 'EndTransaction 0, Disconnect 0, ReleaseContext'],
  ['SCardStatus', 'cached', 'EndTransaction 0, Disconnect 0, ReleaseContext'],
];
