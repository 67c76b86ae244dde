import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect, test } from 'vitest';
import { fromHex, toHex } from '../../../src/apdu/index.js';
import { formatResponse } from '../../../src/apdu/secrets.js';
import { type ApduTrace, traced } from '../../../src/diagnostics/trace.js';

/** What a subscriber sees of one exchange, and what the caller gets. */
async function exchange(command: string, response: string): Promise<{ seen: string; got: string }> {
  const traces: ApduTrace[] = [];
  const listener = (message: unknown) => traces.push(message as ApduTrace);
  subscribe('pcsc-bridge:apdu', listener);
  try {
    const got = await traced('R', fromHex(command), async () => fromHex(response));
    return { seen: toHex(traces[0]?.response ?? new Uint8Array()), got: toHex(got) };
  } finally {
    unsubscribe('pcsc-bridge:apdu', listener);
  }
}

const plain = 'C0FFEE9000';

test.each([
  ['PSO: DECIPHER', '002A80860400112233'],
  ['GENERAL AUTHENTICATE with the key management key', '0087079D047C028200'],
  ['with a retired one', '00870782047C028200'],
  ['with another one', '0087118C047C028200'],
  ['with the last one', '00871195047C028200'],
  ['in a chain', '1087079D047C028200'],
])('what a card returns to %s is masked, and the caller gets it', async (_, command) => {
  expect(await exchange(command, plain)).toEqual({ seen: '0000009000', got: plain });
  expect(formatResponse(fromHex(command), fromHex(plain))).toBe('** ** ** 90 00');
  expect(formatResponse(fromHex(command), fromHex('6982'))).toBe('69 82');
});

test.each([
  ['PSO: COMPUTE DIGITAL SIGNATURE', '002A9E9A0400112233'],
  ['GENERAL AUTHENTICATE with the authentication key', '0087079A047C028200'],
  ['with the signature key', '0087079C047C028200'],
  ['with a number that is no key', '00870796047C028200'],
])('the response to %s is shown', async (_, command) => {
  expect(await exchange(command, plain)).toEqual({ seen: plain, got: plain });
  expect(formatResponse(fromHex(command), fromHex(plain))).toBe('C0 FF EE 90 00');
});
