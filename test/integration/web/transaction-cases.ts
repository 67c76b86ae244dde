/** What transactions do, on any service. Names in quotes are those of Chromium's tests of the API. */
import { describe, expect, test } from 'vitest';
import { type SmartCardContext, smartCard } from '../../../src/web/index.js';
import { deferred } from '../../support/time.js';
import type { WebHost } from '../../support/web-host.js';
import { command, connectIn } from './connection-cases.js';

const invalidState = { name: 'InvalidStateError' };

export function transactionCases(host: WebHost): void {
  const { reader, emptyReader } = host;
  let context: SmartCardContext;
  const connect = async () => {
    context ??= await smartCard.establishContext();
    return connectIn(context, reader);
  };
  /** Runs the action, and expects so many resets of the card. */
  const resets = async (count: number, action: () => Promise<void>) => {
    const before = host.resets();
    await action();
    await expect.poll(() => host.resets() - before).toBe(count);
  };

  describe('a transaction', () => {
    test('"StartTransaction": the callback transmits, and resets the card', async () => {
      const connection = await connect();
      await resets(1, async () => {
        const started = connection.startTransaction(async () => {
          expect(new Uint8Array(await connection.transmit(command))).toEqual(host.answer);
          expect(await connection.status()).toMatchObject({ state: host.connectedState });
          return 'reset';
        });
        expect(await started).toBeUndefined();
      });
      // It was its own reset: the connection can still be used.
      await connection.transmit(command);
    });

    test('"TransactionSuccess": leaves the card, and the connection can be disconnected', async () => {
      const connection = await connect();
      await resets(0, async () => {
        await connection.startTransaction(async () => {
          await connection.transmit(command);
          return 'leave';
        });
        await connection.disconnect();
      });
    });

    test.each([
      ['"TransactionCallbackReturnsNothing"', () => {}],
      ['"TransactionCallbackReturnsEmptyPromise"', () => Promise.resolve()],
      ['null', async () => null],
    ])('%s: resets the card, and resolves', async (_, callback) => {
      const connection = await connect();
      await resets(1, async () => {
        await connection.startTransaction(callback as () => Promise<null>);
      });
    });

    test.each([
      ['"TransactionCallbackRejects"', () => Promise.reject(new RangeError('mine'))],
      [
        '"TransactionCallbackThrows"',
        () => {
          throw new RangeError('mine');
        },
      ],
    ])('%s: resets the card, and rejects with the error', async (_, callback) => {
      const connection = await connect();
      await resets(1, async () => {
        await expect(connection.startTransaction(callback)).rejects.toThrow(new RangeError('mine'));
      });
      await connection.transmit(command);
    });

    test('"TransactionCallbackReturnsInvalidValue": resets the card, and rejects with TypeError', async () => {
      const connection = await connect();
      await resets(1, async () => {
        const started = connection.startTransaction((async () => 'explode') as never);
        await expect(started).rejects.toBeInstanceOf(TypeError);
      });
    });

    test('"DisconnectedOnTransactionReturn": rejects with InvalidStateError', async () => {
      const connection = await connect();
      const started = connection.startTransaction(async () => {
        await connection.disconnect();
        await expect(connection.transmit(command)).rejects.toMatchObject(invalidState);
        return 'leave';
      });
      await expect(started).rejects.toMatchObject(invalidState);
      await (await connect()).transmit(command);
    });

    test('"OngoingTransmitOnTransactionReturn": ends after the transmit, and rejects with InvalidStateError', async () => {
      const connection = await connect();
      const resume = host.stall();
      let transmitted: Promise<ArrayBuffer> | undefined;
      await resets(1, async () => {
        const ran = deferred();
        const started = connection.startTransaction(async () => {
          transmitted = connection.transmit(command);
          ran.resolve();
          return 'reset';
        });
        await ran.promise;
        resume();
        await expect(started).rejects.toMatchObject(invalidState);
        expect(new Uint8Array((await transmitted) as ArrayBuffer)).toEqual(host.answer);
      });
      await connection.transmit(command);
    });

    test('"EndTransactionAfterContextOperation": ends after listReaders', async () => {
      const connection = await connect();
      let names: Promise<string[]> | undefined;
      const started = connection.startTransaction(async () => {
        names = context.listReaders();
        return 'leave';
      });
      await expect(started).rejects.toMatchObject(invalidState);
      expect(await names).toEqual([reader, emptyReader]);
      await connection.startTransaction(async () => 'leave');
    });

    test('waits for that of another program', async () => {
      const connection = await connect();
      const release = await host.hold();
      let released = false;
      const started = connection.startTransaction(async () => {
        expect(released).toBe(true);
        return 'leave';
      });
      await new Promise(setImmediate);
      released = true;
      await release();
      await started;
    });

    test('"StartTransactionAborted": rejects with the reason, and the callback does not run', async () => {
      const connection = await connect();
      const release = await host.hold();
      const abort = new AbortController();
      let ran = false;
      const started = connection.startTransaction(
        async () => {
          ran = true;
          return 'leave';
        },
        { signal: abort.signal },
      );
      const reason = new RangeError('enough');
      abort.abort(reason);
      await expect(started).rejects.toBe(reason);
      await release();
      // The connection can be used, whatever the library had to give up.
      await connection.startTransaction(async () => 'leave');
      expect(ran).toBe(false);
    });

    test('with a signal that has aborted does not begin', async () => {
      const connection = await connect();
      const reason = new RangeError('enough');
      const callback = () => Promise.reject(new Error('it ran'));
      const started = connection.startTransaction(callback, { signal: AbortSignal.abort(reason) });
      await expect(started).rejects.toBe(reason);
    });

    test('"CancelFailureOperationContinues": a signal that comes too late has no effect', async () => {
      const connection = await connect();
      const abort = new AbortController();
      await connection.startTransaction(
        async () => {
          abort.abort(new Error('too late'));
          await connection.transmit(command);
          return 'leave';
        },
        { signal: abort.signal },
      );
    });
  });

  describe('[[activeReaderTransactions]]: while a connection has a transaction', () => {
    test('the reader is closed to other connections of the context, and open again afterwards', async () => {
      const holder = await connect();
      const other = await connect();
      const { connection: elsewhere } = await context.connect(emptyReader, 'direct');
      await holder.startTransaction(async () => {
        const refused: (() => Promise<unknown>)[] = [
          () => context.connect(reader, 'shared', { preferredProtocols: ['t1'] }),
          () => other.transmit(command),
          () => other.status(),
          () => other.control(1, new Uint8Array()),
          () => other.getAttribute(1),
          () => other.setAttribute(1, new Uint8Array()),
          () => other.startTransaction(async () => 'leave'),
          () => other.disconnect(),
        ];
        for (const attempt of refused) {
          await expect(attempt()).rejects.toMatchObject({
            ...invalidState,
            message: 'A transaction is active on this reader in this context',
          });
        }
        // Other readers, and questions, are not affected.
        expect(await elsewhere.status()).toMatchObject({ readerName: emptyReader });
        expect(await context.listReaders()).toHaveLength(2);
        expect(await holder.status()).toMatchObject({ state: host.connectedState });
        return 'leave';
      });
      await other.transmit(command);
      expect(await other.status()).toMatchObject({ state: host.connectedState });
      await other.startTransaction(async () => 'leave');
      await connect();
      await elsewhere.disconnect();
    });

    test('it cannot begin another one', async () => {
      const connection = await connect();
      await connection.startTransaction(async () => {
        await expect(connection.startTransaction(async () => 'leave')).rejects.toMatchObject(invalidState);
        return 'leave';
      });
    });

    test('the reader is open again after a transaction whose callback has disconnected', async () => {
      const connection = await connect();
      const started = connection.startTransaction(async () => {
        await connection.disconnect();
        await expect(connect()).rejects.toMatchObject(invalidState);
        return 'leave';
      });
      await expect(started).rejects.toMatchObject(invalidState);
      await connect();
    });

    test('another context waits for the reader', async () => {
      const connection = await connect();
      const other = await connectIn(await smartCard.establishContext(), reader);
      let first = true;
      let second: Promise<undefined> | undefined;
      await connection.startTransaction(async () => {
        second = other.startTransaction(async () => {
          expect(first).toBe(false);
          return 'leave';
        });
        await connection.transmit(command);
        first = false;
        return 'leave';
      });
      await second;
    });
  });
}
