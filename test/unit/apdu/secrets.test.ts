import { expect, test } from 'vitest';
import {
  CommandApdu,
  carriesSecret,
  exchange,
  formatCommand,
  fromHex,
  maskSecrets,
  toHex,
} from '../../../src/apdu/index.js';

const verify = '00200080 08 313233343536FFFF';

test.each([verify, '00240080 10 31323334353637383132333435363738', '002C0080 01 31', '10200080 01 31'])(
  'the PIN in %s is masked',
  (apdu) => {
    const bytes = fromHex(apdu);
    expect(carriesSecret(bytes)).toBe(true);
    expect(toHex(maskSecrets(bytes))).toMatch(/^.{10}0+$/);
    expect(formatCommand(bytes)).toMatch(/^(?:[0-9A-F]{2} ){5}\*\*(?: \*\*)*$/);
  },
);

test('an APDU without a PIN is shown whole', () => {
  expect(formatCommand(fromHex('00A4040001AA'))).toBe('00 A4 04 00 01 AA');
  expect(carriesSecret(fromHex('00200080'))).toBe(false);
});

test('exchange wipes the bytes it sent with a PIN, also when sending fails', async () => {
  const seen: Uint8Array[] = [];
  const transmit = async (apdu: Uint8Array) => {
    seen.push(apdu);
    throw new Error('The card is gone.');
  };
  await expect(exchange(transmit, CommandApdu.parse(fromHex(verify)))).rejects.toThrow('The card is gone.');
  expect(seen[0]?.every((byte) => byte === 0)).toBe(true);
});
