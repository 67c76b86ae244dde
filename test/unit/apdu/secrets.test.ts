import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  CommandApdu,
  carriesSecret,
  exchange,
  formatCommand,
  fromHex,
  maskSecrets,
  toHex,
} from '../../../src/apdu/index.js';
import { SECRET_COMMANDS } from '../../../src/apdu/secrets.js';
import { read } from '../../support/documentation.js';
import { scriptedCard } from './scripted-card.js';

const verify = '00200080 08 313233343536FFFF';

interface Case {
  apdu: string;
  secret: boolean;
  name: string;
}
/** test/native/secret_commands_test.cc has the same cases. */
const cases = JSON.parse(
  readFileSync(new URL('../../data/secret-commands.json', import.meta.url), 'utf8'),
) as Case[];

describe.each(cases.filter(({ secret }) => secret))('$name', ({ apdu }) => {
  const bytes = fromHex(apdu);

  test('is secret, as bytes and as a command', () => {
    expect(carriesSecret(bytes)).toBe(true);
    // Class FF is for the reader, and not for a command.
    if (bytes[0] !== 0xff) expect(carriesSecret(CommandApdu.parse(bytes))).toBe(true);
  });

  test('is masked', () => {
    expect(toHex(maskSecrets(bytes))).toBe(toHex(bytes.subarray(0, 5)) + '00'.repeat(bytes.length - 5));
    expect(formatCommand(bytes)).toBe(toHex(bytes.subarray(0, 5), ' ') + ' **'.repeat(bytes.length - 5));
  });
});

test.each(cases.filter(({ secret }) => !secret))('$name is logged in full', ({ apdu }) => {
  const bytes = fromHex(apdu);
  expect(carriesSecret(bytes)).toBe(false);
  expect(maskSecrets(bytes)).toEqual(bytes);
  expect(formatCommand(bytes)).toBe(toHex(bytes, ' '));
});

test('every header of the table has a case of its own', () => {
  const secrets = cases.filter(({ secret }) => secret).map(({ apdu }) => toHex(fromHex(apdu).subarray(0, 4)));
  const without = SECRET_COMMANDS.filter((header) => !secrets.some((seen) => new RegExp(header).test(seen)));
  expect(without).toEqual([]);
});

test('the native core has the same table', () => {
  const native = [...read('native/pcsc/secret_commands.cc').matchAll(/"([0-9A-F.]{8})"/g)];
  expect(native.map(([, header]) => header)).toEqual(SECRET_COMMANDS);
});

test('exchange wipes the bytes of a command with a PIN, also if sending fails', async () => {
  const seen: Uint8Array[] = [];
  const transmit = async (apdu: Uint8Array) => {
    seen.push(apdu);
    throw new Error('The card is gone.');
  };
  await expect(exchange(transmit, CommandApdu.parse(fromHex(verify)))).rejects.toThrow('The card is gone.');
  expect(seen[0]?.every((byte) => byte === 0)).toBe(true);
});

test.each(cases.filter(({ apdu, secret }) => secret && !apdu.startsWith('FF')))(
  '$name that got 6Cxx is not sent again',
  async ({ apdu }) => {
    expect((await exchange(scriptedCard([apdu, '6C08']), fromHex(apdu))).sw).toBe(0x6c08);
  },
);
