import { describe, expect, test } from 'vitest';
import { insertPiv, readerAt, startRig } from '../support/rig.js';
import { runNode } from './wine.js';

const rig = await startRig({ slots: 2 });
const card = await insertPiv(rig);
const { name: reader } = readerAt(rig);
const atr = Buffer.from(card.atr).toString('hex');

interface Failure {
  name: string;
  code: string;
  operation: string;
  reader: string;
}
interface Answer {
  readers: string[];
  protocol: string;
  status: { state: string; protocol: string; atr: string };
  selected: string;
  exchanged: string;
  slots: string;
  noSuchAttribute: Failure;
  inTransaction: { response: string; cardWasReset: boolean };
  afterOwnReset: boolean;
  afterForeignReset: boolean;
  unknownReader: Failure;
  afterReconnect: string;
  lookups: [fresh: boolean, evaluated: number][];
}

describe.each([20, 24] as const)('Node.js %i', (name) => {
  test('a program lists readers, connects, transmits, and has transactions', async () => {
    const answer = await runNode<Answer>(name, 'cards.mjs', [reader], { rig });
    expect(answer.readers).toEqual(rig.readers.map((each) => each.name));
    expect(answer.protocol).toBe('T=1');
    // Wine passes on pcsc-lite's state, a mask that is not a state on Windows.
    expect(answer.status).toEqual({ state: 'negotiable', protocol: 'T=1', atr });
    // The virtual PIV card returns its data although no Le asks for it.
    expect(answer.selected).toMatch(/^61.*a000000308.*9000$/);
    expect(answer.exchanged).toMatch(/^61.*a000000308/);
    expect(answer.slots).toBe('02');
    expect(answer.noSuchAttribute).toMatchObject({ name: 'PcscError', operation: 'SCardGetAttrib', reader });
    expect(answer.inTransaction).toEqual({ response: answer.selected, cardWasReset: false });
    expect(answer.afterOwnReset).toBe(false);
    expect(answer.afterForeignReset).toBe(true);
    expect(answer.unknownReader).toMatchObject({ code: 'SCARD_E_UNKNOWN_READER', operation: 'SCardConnect' });
    expect(answer.afterReconnect).toBe(answer.selected);
    expect(answer.lookups).toEqual([
      [true, 0],
      [false, 1],
    ]);
  });
});

test('without a PC/SC service a program gets an error that says so', async () => {
  const env = { PCSCLITE_CSOCK_NAME: '/nowhere' };
  await expect(runNode(20, 'cards.mjs', [reader], { env })).rejects.toThrow(/SCARD_E_NO_SERVICE/);
});
