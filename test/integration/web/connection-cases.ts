/** What connections do, on any service. Names in quotes are those of Chromium's tests of the API. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ApduTrace } from '../../../src/index.js';
import { type SmartCardConnection, type SmartCardContext, smartCard } from '../../../src/web/index.js';
import type { WebHost } from '../../support/web-host.js';

/** A program that keeps one context, and disconnects what a test has connected. */
export async function connectIn(context: SmartCardContext, reader: string): Promise<SmartCardConnection> {
  const { connection } = await context.connect(reader, 'shared', { preferredProtocols: ['t1'] });
  onTestFinished(() => connection.disconnect().catch(() => {}));
  return connection;
}

export const command = Uint8Array.of(0x00, 0xa4, 0x04, 0x00);
const invalidState = { name: 'InvalidStateError' };

export function connectionCases(host: WebHost): void {
  const { reader, emptyReader } = host;
  let context: SmartCardContext;
  const connect = () => connectIn(context, reader);
  const establish = async () => {
    context = await smartCard.establishContext();
  };

  describe('connections', { timeout: 20_000 }, () => {
    test('"ListReaders": the names of all readers', async () => {
      await establish();
      expect(await context.listReaders()).toEqual([reader, emptyReader]);
    });

    test('"Connect": returns the connection and the active protocol', async () => {
      const result = await context.connect(reader, 'shared', { preferredProtocols: ['t1'] });
      expect(result.activeProtocol).toBe('t1');
      expect(await result.connection.disconnect()).toBeUndefined();
    });

    test('connect rejects with the code of SCardConnect', async () => {
      const shared = (name: string) => context.connect(name, 'shared', { preferredProtocols: ['t0', 't1'] });
      await expect(shared(emptyReader)).rejects.toMatchObject({
        name: 'SmartCardError',
        responseCode: 'no-smartcard',
      });
      await expect(shared('No Reader')).rejects.toMatchObject({
        name: 'SmartCardError',
        responseCode: 'unknown-reader',
      });
      await expect(context.connect(reader, 'shared')).rejects.toMatchObject({
        responseCode: 'proto-mismatch',
      });
    });

    test('an exclusive connection keeps others out', async () => {
      const { connection } = await context.connect(reader, 'exclusive', { preferredProtocols: ['t1'] });
      await expect(context.connect(reader, 'shared', { preferredProtocols: ['t1'] })).rejects.toMatchObject({
        responseCode: 'sharing-violation',
      });
      await connection.disconnect();
      await connect();
    });

    test('"Status": the name of the reader, the protocol, the ATR', async () => {
      const connection = await connect();
      const status = await connection.status();
      expect(status).toMatchObject({ readerName: reader, state: host.connectedState });
      expect(new Uint8Array(status.answerToReset)).toEqual(host.atr);
    });

    test('"Transmit": the command reaches the card, and its answer comes back', async () => {
      const connection = await connect();
      const before = host.commands().length;
      const response = await connection.transmit(command);
      expect(response).toBeInstanceOf(ArrayBuffer);
      expect(new Uint8Array(response)).toEqual(host.answer);
      // A view of a larger buffer, and a buffer, are sent exactly.
      await connection.transmit(new DataView(Uint8Array.of(9, ...command, 9).buffer, 1, 4));
      await connection.transmit(command.buffer.slice(0));
      expect(host.commands().slice(before)).toEqual(Array(3).fill('00a40400'));
    });

    test('diagnostics report the commands, whatever they are', async () => {
      const connection = await connect();
      const reported: ApduTrace[] = [];
      const onApdu = (trace: unknown) => void reported.push(trace as ApduTrace);
      subscribe('pcsc-bridge:apdu', onApdu);
      await connection.transmit(command);
      await connection.transmit(Uint8Array.of(3, 2, 1));
      unsubscribe('pcsc-bridge:apdu', onApdu);
      expect(reported).toMatchObject([
        { reader, command, response: host.answer },
        { reader, command: Uint8Array.of(3, 2, 1), response: host.answer },
      ]);
    });

    test('"TransmitNoProtocol": nothing is sent', async () => {
      const { connection, activeProtocol } = await context.connect(emptyReader, 'direct');
      const before = host.commands().length;
      expect(activeProtocol).toBeUndefined();
      await expect(connection.transmit(command)).rejects.toMatchObject(invalidState);
      expect(host.commands().length).toBe(before);
      await connection.disconnect();
    });

    test('"Disconnect": ejects the card; a second one is rejected', async () => {
      const connection = await connect();
      const before = host.resets();
      await connection.disconnect('eject');
      await expect.poll(() => host.resets()).toBe(before + 1);
      await expect(connection.disconnect('unpower')).rejects.toMatchObject(invalidState);
      await expect(connection.transmit(command)).rejects.toMatchObject(invalidState);
      await expect(connection.status()).rejects.toMatchObject(invalidState);
    });

    test('"ConcurrentDisconnect": a second one is rejected while the first runs', async () => {
      const connection = await connect();
      const first = connection.disconnect('eject');
      await expect(connection.disconnect('unpower')).rejects.toMatchObject(invalidState);
      await first;
    });

    test('one operation at a time: others of the context are rejected, and those of another context run', async () => {
      const connection = await connect();
      const other = await smartCard.establishContext();
      const resume = host.stall();
      const pending = connection.transmit(command);
      const others = [
        connection.status(),
        connection.transmit(command),
        connection.control(1, new Uint8Array()),
        connection.getAttribute(1),
        connection.setAttribute(1, new Uint8Array()),
        connection.startTransaction(async () => 'leave'),
        connection.disconnect(),
        context.listReaders(),
        context.getStatusChange([]),
        context.connect(reader, 'shared', { preferredProtocols: ['t1'] }),
      ];
      const results = await Promise.allSettled(others);
      expect(results.map(({ status }) => status)).toEqual(others.map(() => 'rejected'));
      for (const result of results) {
        expect(result).toMatchObject({ reason: { message: 'An operation is in progress in this context' } });
      }
      expect(await other.listReaders()).toHaveLength(2);
      resume();
      expect(new Uint8Array(await pending)).toEqual(host.answer);
      expect(await connection.status()).toMatchObject({ state: host.connectedState });
    });

    test('"ContextOperationBlocksConnectionOperation"', async () => {
      const connection = await connect();
      const names = context.listReaders();
      await expect(connection.control(42, new Uint8Array())).rejects.toMatchObject(invalidState);
      expect(await names).toHaveLength(2);
    });

    test('a reset by another program is reported until the program connects again', async () => {
      const connection = await connect();
      await connection.transmit(command);
      await host.resetByAnother();
      const wasReset = { name: 'SmartCardError', responseCode: 'reset-card' };
      await expect(connection.transmit(command)).rejects.toMatchObject(wasReset);
      await expect(connection.transmit(command)).rejects.toMatchObject(wasReset);
      await connection.disconnect();
      await (await connect()).transmit(command);
    });

    test('startTransaction reports a reset by another program, and the callback does not run', async () => {
      const connection = await connect();
      await connection.transmit(command);
      await host.resetByAnother();
      let ran = false;
      const started = connection.startTransaction(async () => {
        ran = true;
        return 'leave';
      });
      await expect(started).rejects.toMatchObject({ name: 'SmartCardError', responseCode: 'reset-card' });
      expect(ran).toBe(false);
    });

    test('invalid arguments are TypeErrors, and leave the context free', async () => {
      const connection = await connect();
      // biome-ignore lint/suspicious/noExplicitAny: what JavaScript may pass
      const any = (value: unknown) => value as any;
      const calls = [
        connection.transmit(any('00A40400')),
        connection.transmit(any(new Uint8Array(new SharedArrayBuffer(4)))),
        connection.transmit(command, { protocol: any('T=1') }),
        connection.control(-1, new Uint8Array()),
        connection.getAttribute(2 ** 32),
        connection.setAttribute(1, any(1)),
        connection.disconnect(any('explode')),
        connection.startTransaction(any(undefined)),
        connection.startTransaction(async () => 'leave', { signal: any({}) }),
        context.connect(reader, any('alone')),
        context.connect(reader, 'shared', { preferredProtocols: any(['t2']) }),
        context.getStatusChange(any(undefined)),
        context.getStatusChange([any({ readerName: reader })]),
        context.getStatusChange([], { timeout: Number.NaN }),
      ];
      for (const call of calls) await expect(call).rejects.toBeInstanceOf(TypeError);
      expect(await connection.status()).toMatchObject({ state: host.connectedState });
    });
  });
}
