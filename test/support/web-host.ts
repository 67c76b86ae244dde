/** Where the cases of test/integration/web run: a private pcscd, or the stand-in library with Windows' semantics. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { fromHex } from '../../src/apdu/index.js';
import { CardHold } from '../../src/testing/rig/hold.js';
import { buildAtr, VpcdLink } from '../../src/testing/virtual/index.js';
import { buildStandIn, underTest } from './fake-pcsc.js';
import { FakeService } from './fake-service.js';
import { openBridge, readerAt, startRig } from './rig.js';
import { deferred } from './time.js';

/** A service with two readers, and a card for the first one. */
export interface WebHost {
  reader: string;
  /** The name of the reader without a card. */
  emptyReader: string;
  /** Whether readers can be added while the service runs. */
  canAddReaders: boolean;
  /** The state of a connection with T=1: pcsc-lite keeps a card negotiable. */
  connectedState: 't1' | 'negotiable';
  /** The card's answer to every command. */
  answer: Uint8Array;
  atr: Uint8Array;
  /** Resolves when PC/SC reports the card. */
  insert(): Promise<void>;
  /** Resolves when PC/SC reports that the reader is empty. */
  takeOut(): Promise<void>;
  /** Resets of the card so far, by whatever call. */
  resets(): number;
  /** The commands that the card has received so far. */
  commands(): string[];
  /** The card answers the next command only when the returned function is called. */
  stall(): () => void;
  /** Another program begins a transaction. It ends with the returned function. */
  hold(): Promise<() => Promise<void>>;
  /** Another program resets the card. */
  resetByAnother(): Promise<void>;
  addReader(name: string): Promise<void>;
  removeReader(name: string): Promise<void>;
  stopService(): Promise<void>;
}

const answer = fromHex('0C22 9000');

export async function pcscdHost(): Promise<WebHost> {
  const rig = await startRig({ slots: 2 });
  const { name: reader, port } = readerAt(rig);
  const bridge = openBridge();
  const session = await bridge.openSession();
  const atr = buildAtr();
  const commands: string[] = [];
  let resets = 0;
  let stalled: Promise<void> | undefined;
  let link: VpcdLink | undefined;
  const answerCommand = async (command: Uint8Array) => {
    commands.push(Buffer.from(command).toString('hex'));
    await stalled;
    link?.send(answer);
  };
  const untilPresent = async (present: boolean) => {
    for await (const event of session.watch()) {
      if ('reader' in event && event.reader === reader && event.state.present === present) return;
    }
  };
  afterAll(() => link?.close());
  const unsupported = () => Promise.reject(new Error('the readers of a rig are fixed'));
  return {
    reader,
    emptyReader: readerAt(rig, 1).name,
    canAddReaders: false,
    connectedState: 'negotiable',
    answer,
    atr,
    async insert() {
      link = await VpcdLink.connect(
        { port },
        {
          powerOn() {},
          powerOff: () => void resets++,
          reset: () => void resets++,
          closed() {},
          atr: () => atr,
          apdu: (command) => void answerCommand(command),
        },
      );
      await untilPresent(true);
    },
    async takeOut() {
      link?.close();
      link = undefined;
      await untilPresent(false);
    },
    resets: () => resets,
    commands: () => [...commands],
    stall() {
      const { promise, resolve } = deferred();
      stalled = promise;
      return () => {
        stalled = undefined;
        resolve();
      };
    },
    async hold() {
      const hold = await CardHold.start(reader);
      return () => hold.release();
    },
    async resetByAnother() {
      const other = await bridge.openSession({ id: 4711, connectTime: 1n, unknownLastUser: 'trust' });
      const card = await other.connect(reader);
      await card.disconnect('reset');
    },
    addReader: unsupported,
    removeReader: unsupported,
    stopService: () => rig.killDaemon(),
  };
}

export function standInHost(): WebHost {
  const directory = mkdtempSync(join(tmpdir(), 'web-host-'));
  afterAll(() => rmSync(directory, { recursive: true, maxRetries: 5 }));
  const files = { script: join(directory, 'script.txt'), log: join(directory, 'log.jsonl') };
  for (const path of Object.values(files)) writeFileSync(path, '');
  buildStandIn(underTest);
  const library = `../../.cache/fake-pcsc/${underTest.standIn}/libpcsclite.so.1`;
  Object.assign(process.env, {
    PCSC_BRIDGE_LIBRARY: fileURLToPath(new URL(library, import.meta.url)),
    FAKE_PCSC_SCRIPT: files.script,
    FAKE_PCSC_LOG: files.log,
  });
  const fake = new FakeService(files);
  const reader = 'Reader 00 00';
  const emptyReader = 'Reader 01 00';
  const atr = fromHex('3B00');
  fake.write('set semantics windows', 'set status-is-mask yes');
  fake.write(`reader "${reader}"`, `reader "${emptyReader}"`, `answer "${reader}" - 0C229000`);
  // Only a library in use reads its script: lines that no call follows are read with the next one.
  return {
    reader,
    emptyReader,
    canAddReaders: true,
    connectedState: 't1',
    answer,
    atr,
    insert: async () => fake.write(`card "${reader}" 3B00 T=0 T=1`),
    takeOut: async () => fake.write(`card-gone "${reader}"`),
    resets: () =>
      fake
        .calls('SCardEndTransaction', 'SCardDisconnect', 'SCardReconnect')
        .filter(({ disposition }) => disposition !== 0).length,
    commands: () => fake.calls('SCardTransmit').map(({ apdu = '' }) => apdu.toLowerCase()),
    stall() {
      fake.write('on SCardTransmit stick');
      return () => fake.write('go SCardTransmit');
    },
    async hold() {
      fake.write(`hold "${reader}"`);
      return async () => fake.write(`free "${reader}"`);
    },
    resetByAnother: async () => fake.write(`reset "${reader}"`),
    addReader: async (name) => fake.write(`reader "${name}"`),
    removeReader: async (name) => fake.write(`reader-gone "${name}"`),
    stopService: async () => fake.write('stop-service 0x8010001e'),
  };
}
