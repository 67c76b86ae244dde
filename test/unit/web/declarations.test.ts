/**
 * The classes fit the declarations that TypeScript users of the API have, which follow the specification's interfaces:
 * this file compiles.
 */
import { expect, test } from 'vitest';
import type * as web from '../../../src/web/index.js';
import { smartCard } from '../../../src/web/index.js';

/** The interfaces of the specification, in the way of @types/w3c-web-smart-card. */
interface Manager {
  establishContext(): Promise<Context>;
}
interface Flags {
  ignore?: boolean;
  unavailable?: boolean;
  empty?: boolean;
  present?: boolean;
  exclusive?: boolean;
  inuse?: boolean;
  mute?: boolean;
  unpowered?: boolean;
}
interface StateIn {
  readerName: string;
  currentState: Flags & { unaware?: boolean };
  currentCount?: number;
}
interface StateOut {
  readerName: string;
  eventState: Flags & { changed?: boolean; unknown?: boolean };
  eventCount: number;
  answerToReset: ArrayBuffer;
}
type Protocol = 'raw' | 't0' | 't1';
type Disposition = 'leave' | 'reset' | 'unpower' | 'eject';
type Source = ArrayBufferView | ArrayBuffer;
interface Context {
  listReaders(): Promise<string[]>;
  getStatusChange(
    readerStates: StateIn[],
    options?: { timeout?: number; signal?: AbortSignal },
  ): Promise<StateOut[]>;
  connect(
    readerName: string,
    accessMode: 'shared' | 'exclusive' | 'direct',
    options?: { preferredProtocols?: Protocol[] },
  ): Promise<{ connection: Connection; activeProtocol?: Protocol }>;
}
interface Connection {
  disconnect(disposition?: Disposition): Promise<undefined>;
  transmit(sendBuffer: Source, options?: { protocol?: Protocol }): Promise<ArrayBuffer>;
  startTransaction(
    transaction: () => Promise<Disposition | null>,
    options?: { signal?: AbortSignal },
  ): Promise<undefined>;
  status(): Promise<{
    readerName: string;
    state: 'absent' | 'present' | 'swallowed' | 'powered' | 'negotiable' | Protocol;
    answerToReset?: ArrayBuffer;
  }>;
  control(controlCode: number, data: Source): Promise<ArrayBuffer>;
  getAttribute(tag: number): Promise<ArrayBuffer>;
  setAttribute(tag: number, value: Source): Promise<undefined>;
}

/** Fails to compile if an `Actual` cannot be used where the declarations have a `Wanted`. */
function fits<_Actual extends Wanted, Wanted>(): boolean {
  return true;
}

test('what code for Chrome declares is what this package has', () => {
  const declared: Manager = smartCard;
  expect(declared).toBe(smartCard);
  expect([
    fits<web.SmartCardContext, Context>(),
    fits<web.SmartCardConnection, Connection>(),
    fits<web.SmartCardReaderStateOut, StateOut>(),
    fits<StateIn, web.SmartCardReaderStateIn>(),
    fits<web.SmartCardError, DOMException & { readonly responseCode: web.SmartCardResponseCode }>(),
  ]).not.toContain(false);
});
