/** What getStatusChange does, on any service, and what a stopped service does. */
import { describe, expect, test } from 'vitest';
import { type SmartCardContext, type SmartCardReaderStateOut, smartCard } from '../../../src/web/index.js';
import { deferred } from '../../support/time.js';
import type { WebHost } from '../../support/web-host.js';
import { command, connectIn } from './connection-cases.js';

const pseudoReader = String.raw`\\?PnP?\Notification`;

export function readerCases(host: WebHost): void {
  const { reader, emptyReader } = host;
  let context: SmartCardContext;
  const unaware = { unaware: true };
  const now = async (...readers: string[]) => {
    context ??= await smartCard.establishContext();
    return context.getStatusChange(
      readers.map((readerName) => ({ readerName, currentState: unaware, currentCount: 0 })),
    );
  };

  describe('getStatusChange', () => {
    test('"GetStatusChangeMultiReader": a card is inserted into one of two readers', async () => {
      const [first, second] = await now(reader, emptyReader);
      expect(first).toMatchObject({ readerName: reader, eventState: { changed: true, empty: true } });
      const { eventCount = 0 } = first ?? {};
      const change = context.getStatusChange([
        { readerName: reader, currentState: { empty: true }, currentCount: eventCount },
        { readerName: emptyReader, currentState: { empty: true }, currentCount: second?.eventCount },
      ]);
      await host.insert();
      const states = await change;
      expect(states.map(flagsOf)).toEqual([['changed', 'present'], ['empty']]);
      expect(states[0]?.eventCount).toBeGreaterThan(eventCount);
      expect(new Uint8Array(states[0]?.answerToReset as ArrayBuffer)).toEqual(host.atr);
      expect(states[1]?.answerToReset.byteLength).toBe(0);
    });

    test('"GetStatusChange": flags and count in, flags, count and ATR out; the removal is a change', async () => {
      const [known] = await now(reader);
      const currentState = { present: true, inuse: known?.eventState.inuse };
      const states = [{ readerName: reader, currentState, currentCount: known?.eventCount }];
      await expect(context.getStatusChange(states, { timeout: 0 })).rejects.toMatchObject({
        name: 'UnknownError',
        message: 'No reader has changed within the timeout',
      });
      const change = context.getStatusChange(states);
      await host.takeOut();
      expect((await change).map(flagsOf)).toEqual([['changed', 'empty']]);
      await host.insert();
    });

    test('returns at once for another count, a flag that does not hold, and no reader to wait for', async () => {
      const [known] = await now(reader);
      const { eventCount = 0 } = known ?? {};
      const look = (currentState: object, currentCount = eventCount) =>
        context.getStatusChange([{ readerName: reader, currentState, currentCount }]);
      expect((await look({ present: true }, eventCount + 1)).map(flagsOf)).toEqual([['changed', 'present']]);
      expect((await look({ empty: true })).map(flagsOf)).toEqual([['changed', 'present']]);
      expect((await look({ present: true, mute: true })).map(flagsOf)).toEqual([['changed', 'present']]);
      expect((await look({ ignore: true })).map(flagsOf)).toEqual([['ignore']]);
      expect(await context.getStatusChange([])).toEqual([]);
    });

    test('a timeout limits the wait', async () => {
      const [known] = await now(reader);
      const { eventCount: currentCount } = known as SmartCardReaderStateOut;
      const states = [{ readerName: reader, currentState: { present: true }, currentCount }];
      await expect(context.getStatusChange(states, { timeout: 30 })).rejects.toMatchObject({
        name: 'UnknownError',
      });
      await context.listReaders();
    });

    test('an unknown reader is a SmartCardError', async () => {
      await expect(now('No Reader')).rejects.toMatchObject({
        name: 'SmartCardError',
        responseCode: 'unknown-reader',
      });
    });

    test('"GetStatusChangeAborted": rejects with the reason, and the context is free', async () => {
      const [known] = await now(reader);
      const { eventCount: currentCount } = known as SmartCardReaderStateOut;
      const abort = new AbortController();
      const change = context.getStatusChange(
        [{ readerName: reader, currentState: { present: true }, currentCount }],
        { signal: abort.signal },
      );
      const reason = new RangeError('enough');
      abort.abort(reason);
      await expect(change).rejects.toBe(reason);
      expect(await context.listReaders()).toContain(reader);
    });

    test('"GetStatusChangeAlreadyAborted": rejects with the reason', async () => {
      const reason = new RangeError('enough');
      const states = [{ readerName: reader, currentState: unaware }];
      const change = context.getStatusChange(states, { signal: AbortSignal.abort(reason) });
      await expect(change).rejects.toBe(reason);
    });

    test('"GetStatusChangePnP": reports a new reader, and one that is removed', async (test) => {
      test.skip(!host.canAddReaders, 'the readers of a rig are fixed');
      const name = 'Reader 02 00';
      // A reader that comes after the list is reported, even if it comes before the wait begins.
      expect(await context.listReaders()).not.toContain(name);
      const added = context.getStatusChange([{ readerName: pseudoReader, currentState: {} }]);
      await host.addReader(name);
      const [pseudo] = await added;
      expect(pseudo && flagsOf(pseudo)).toEqual(['changed']);
      expect(await context.listReaders()).toContain(name);

      const { eventCount: currentCount } = pseudo as SmartCardReaderStateOut;
      const removed = context.getStatusChange([
        { readerName: pseudoReader, currentState: {}, currentCount },
        { readerName: name, currentState: { empty: true } },
      ]);
      // When this one returns, the first one waits: both have seen the readers.
      const other = await smartCard.establishContext();
      await other.getStatusChange([{ readerName: name, currentState: unaware }]);
      await host.removeReader(name);
      const states = await removed;
      expect(states.map(flagsOf)).toEqual([['changed'], ['changed', 'unavailable', 'unknown']]);
      expect(await context.listReaders()).not.toContain(name);
      // A change between two calls is not lost.
      const again = [{ readerName: pseudoReader, currentState: {}, currentCount }];
      expect((await context.getStatusChange(again)).map(flagsOf)).toEqual([['changed']]);
    });

    test('the pseudo reader does not change while no reader comes or goes', async () => {
      const states = [{ readerName: pseudoReader, currentState: {} }];
      await expect(context.getStatusChange(states, { timeout: 0 })).rejects.toMatchObject({
        name: 'UnknownError',
      });
    });
  });
}

/** The last cases of a file: the service stays away. */
export function serviceCases(host: WebHost): void {
  const { reader } = host;

  test('a stopped service: no-service for contexts, InvalidStateError for connections, which can be disconnected', async () => {
    const context = await smartCard.establishContext();
    const connection = await connectIn(context, reader);
    const idle = await connectIn(context, reader);
    const running = deferred();
    const failed = connection.startTransaction(async () => {
      await connection.transmit(command);
      await host.stopService();
      running.resolve();
      const error = await connection.transmit(command).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(DOMException);
      throw error;
    });
    await running.promise;
    await expect(failed).rejects.toBeInstanceOf(DOMException);

    for (const attempt of [
      () => connection.transmit(command),
      () => connection.status(),
      () => connection.control(1, new Uint8Array()),
      () => connection.getAttribute(1),
      () => connection.startTransaction(async () => 'leave'),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ name: 'InvalidStateError' });
    }
    expect(await connection.disconnect('reset')).toBeUndefined();
    await expect(connection.disconnect()).rejects.toMatchObject({ name: 'InvalidStateError' });
    await expect(idle.status()).rejects.toBeInstanceOf(DOMException);

    const unavailable = host.canAddReaders ? {} : { name: 'SmartCardError', responseCode: 'no-service' };
    const shared = () => context.connect(reader, 'shared', { preferredProtocols: ['t1'] });
    await expect(shared()).rejects.toMatchObject(unavailable);
  });

  test('without a service there is no context', async (test) => {
    test.skip(host.canAddReaders, 'on Windows the service stops with the last reader');
    const noService = { name: 'SmartCardError', responseCode: 'no-service' };
    await expect(smartCard.establishContext()).rejects.toMatchObject(noService);
  });
}

function flagsOf({ eventState }: SmartCardReaderStateOut): string[] {
  // Whether a program is connected depends on the tests before.
  return Object.entries(eventState)
    .flatMap(([flag, set]) => (set && flag !== 'inuse' ? [flag] : []))
    .sort();
}
