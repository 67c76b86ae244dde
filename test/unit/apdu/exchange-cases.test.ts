import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type ExchangeOptions, exchange, fromHex, toHex } from '../../../src/apdu/index.js';
import { scriptedCard } from './scripted-card.js';

/** A case of test/cases/exchange.json, to which test/native/exchange_test.cc holds the core as well. */
interface Case extends ExchangeOptions {
  name: string;
  /** Hexadecimal, as everything here. */
  command: string;
  /** What is sent, and what the card answers. */
  script?: [command: string, response: string][];
  /** The whole response, or a part of the error's message. */
  response?: string;
  error?: string;
}

const file = new URL('../../cases/exchange.json', import.meta.url);
const cases = JSON.parse(readFileSync(file, 'utf8')) as Case[];

test.each(cases)('$name', async ({ command, script = [], response, error, ...options }) => {
  let sent = 0;
  const card = scriptedCard(...script);
  const counting = (apdu: Uint8Array) => {
    sent += 1;
    return card(apdu);
  };
  const outcome = exchange(counting, fromHex(command), options);
  if (error !== undefined) await expect(outcome).rejects.toThrow(error);
  else expect(toHex((await outcome).encode())).toBe(response);
  expect(sent).toBe(script.length);
});

test.each([-1, 0xff, 0.5])('%d is no class of GET RESPONSE', async (getResponseClass) => {
  const outcome = exchange(scriptedCard(), fromHex('00CA000000'), { getResponseClass });
  await expect(outcome).rejects.toThrow(RangeError);
});
