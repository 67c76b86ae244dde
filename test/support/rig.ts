import { afterAll } from 'vitest';
import { CardBridge } from '../../src/index.js';
import { Rig, type RigOptions, type RigReader } from '../../src/testing/rig/index.js';
import {
  createPivCard,
  type PivCard,
  type PivCardOptions,
  type VirtualCard,
} from '../../src/testing/virtual/index.js';

/**
 * The private pcscd of a test file, stopped after its tests. One per file: libpcsclite reads the socket's name once per
 * process, and vitest runs every file in a process of its own.
 */
export async function startRig(options: RigOptions): Promise<Rig> {
  if (process.env['PCSCLITE_CSOCK_NAME'] !== undefined) {
    throw new Error(
      'this process has its PC/SC service already: test files need a process of their own each',
    );
  }
  const rig = await Rig.start(options);
  afterAll(() => rig.stop());
  Object.assign(process.env, rig.env);
  return rig;
}

/** The rig's reader in this slot. */
export function readerAt(rig: Rig, slot = 0): RigReader {
  const reader = rig.readers[slot];
  if (!reader) throw new Error(`the rig has no slot ${slot}`);
  return reader;
}

/** A PIV card in a slot of the rig, for all tests of the file. */
export async function insertPiv(rig: Rig, slot = 0, options: Partial<PivCardOptions> = {}): Promise<PivCard> {
  const card = await createPivCard({ port: readerAt(rig, slot).port, ...options });
  afterAll(() => card.remove());
  return card;
}

/** Removes a card. The reader has noticed when this resolves. */
export function takeOut(card: VirtualCard): Promise<void> {
  return card.remove();
}

/** For `await using`: at the end of the block the card is removed, and pcscd has noticed. */
export function forThisTest(card: VirtualCard): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => takeOut(card) };
}

/** A bridge that is closed after the file's tests. */
export function openBridge(...options: ConstructorParameters<typeof CardBridge>): CardBridge {
  const bridge = new CardBridge(...options);
  afterAll(() => bridge.close());
  return bridge;
}
