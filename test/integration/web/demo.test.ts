/** The calls of GoogleChromeLabs/web-smartcard-demo, in its order, with a PIV card in a virtual reader. */
import { expect, test } from 'vitest';
import { createPivCard } from '../../../src/testing/virtual/index.js';
import '../../../src/web/register.js';
import { fromHex, toHex } from '../../../src/apdu/index.js';
import type {
  SmartCardReaderStateIn,
  SmartCardReaderStateOut,
  SmartCardResourceManager,
} from '../../../src/web/index.js';
import { readerAt, startRig, takeOut } from '../../support/rig.js';

const rig = await startRig({ slots: 2 });
const { name: reader, port } = readerAt(rig);
const pseudoReader = String.raw`\\?PnP?\Notification`;
declare const navigator: { smartCard: SmartCardResourceManager };

test('tracks readers with one context while it reads a certificate with another one', async () => {
  const context = await navigator.smartCard.establishContext();
  const names = await context.listReaders();
  const initial = await context.getStatusChange(
    names.map((readerName) => ({ readerName, currentState: { unaware: true } })),
    { timeout: 100 },
  );
  expect(initial.map(({ eventState }) => eventState.empty)).toEqual([true, true]);

  // Tracking: a list of readers, then waits for changes from what is known.
  const tracking = await navigator.smartCard.establishContext();
  const abort = new AbortController();
  const seen: SmartCardReaderStateOut[] = [];
  const track = async () => {
    const known: SmartCardReaderStateIn[] = [{ readerName: pseudoReader, currentState: {} }];
    for (;;) {
      for (const readerName of await tracking.listReaders()) {
        if (known.some((state) => state.readerName === readerName)) continue;
        const [state] = await tracking.getStatusChange([{ readerName, currentState: { unaware: true } }]);
        known.push({
          readerName,
          currentState: { empty: state?.eventState.empty, present: state?.eventState.present },
          currentCount: state?.eventCount,
        });
      }
      const states = await tracking.getStatusChange(known, { signal: abort.signal });
      for (const state of states) {
        const { readerName, eventState, eventCount } = state;
        const { empty, present, exclusive, inuse, mute } = eventState;
        const entry = known.find((one) => one.readerName === readerName);
        if (eventState.changed) seen.push(state);
        Object.assign(entry ?? {}, {
          currentState: { empty, present, exclusive, inuse, mute },
          currentCount: eventCount,
        });
      }
    }
  };
  const tracked = track().catch((error: unknown) => error);
  const card = await createPivCard({ port, subject: 'Alice' });
  await expect.poll(() => seen.some(({ eventState }) => eventState.present)).toBe(true);
  expect(new Uint8Array(seen.at(-1)?.answerToReset ?? new ArrayBuffer(0))).toEqual(card.atr);

  const { connection, activeProtocol } = await context.connect(reader, 'shared', {
    preferredProtocols: ['t1'],
  });
  expect(activeProtocol).toBe('t1');
  let certificate = '';
  await connection.startTransaction(async () => {
    const select = await connection.transmit(fromHex('00A40400 09 A00000030800001000').buffer as ArrayBuffer);
    expect(toHex(new Uint8Array(select)).slice(-4)).toBe('9000');
    for (let command = '00CB3FFF 05 5C035FC105 00'; command !== ''; ) {
      const response = toHex(new Uint8Array(await connection.transmit(fromHex(command))));
      certificate += response.slice(0, -4);
      command = response.slice(-4, -2) === '61' ? `00C00000${response.slice(-2)}` : '';
    }
    return 'reset';
  });
  expect(certificate).toMatch(/^53/);
  await connection.disconnect();

  await takeOut(card);
  await expect.poll(() => seen.at(-1)?.eventState.empty).toBe(true);
  abort.abort();
  const error = await tracked;
  expect(error).toBeInstanceOf(DOMException);
  expect(error).toMatchObject({ name: 'AbortError' });
});
