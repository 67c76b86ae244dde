/** Protocols and states of cards, as the specification names them. */
import { CardStates, ProtocolBits } from '../native/numbers.js';
import type { SmartCardConnectionState, SmartCardProtocol } from './types.js';
import { toKey } from './webidl.js';

const bits = { raw: ProtocolBits.raw, t0: ProtocolBits['T=0'], t1: ProtocolBits['T=1'] } as const;

/** @throws {TypeError} One of them is no protocol. */
export function protocolBits(protocols: readonly SmartCardProtocol[]): number {
  return protocols.reduce((sum, protocol) => sum | bits[toKey(bits, protocol, 'a protocol')], 0);
}

/** Returns the protocol of a bit; undefined for none, and for several. */
export function protocolOf(bit: number): SmartCardProtocol | undefined {
  return (Object.keys(bits) as SmartCardProtocol[]).find((protocol) => bits[protocol] === bit);
}

/**
 * Returns the state of a connection (the specification's SmartCardConnectionState).
 *
 * @param state - A number of CardStates.
 * @param protocol - The active protocol's bit.
 * @throws {DOMException} UnknownError: PC/SC returned another state, or no protocol.
 */
export function connectionState(state: number, protocol: number): SmartCardConnectionState {
  const name = CardStates[state] ?? 'unknown';
  const known = name === 'specific' ? protocolOf(protocol) : name;
  if (known !== undefined && known !== 'unknown') return known;
  throw new DOMException(`PC/SC returned the card state ${state} with protocol ${protocol}`, 'UnknownError');
}
