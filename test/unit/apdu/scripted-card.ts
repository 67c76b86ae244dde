import { expect } from 'vitest';
import { fromHex, type Transmit, toHex } from '../../../src/apdu/index.js';

/** A card that expects these commands in this order and returns these responses, all in hexadecimal. */
export function scriptedCard(...script: [command: string, response: string][]): Transmit {
  const rest = [...script];
  return async (apdu) => {
    const next = rest.shift();
    if (next === undefined) throw new Error(`No command was expected any more, but ${toHex(apdu)} came.`);
    expect(toHex(apdu)).toBe(toHex(fromHex(next[0])));
    return fromHex(next[1]);
  };
}
