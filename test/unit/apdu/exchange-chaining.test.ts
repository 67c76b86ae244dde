import { expect, test } from 'vitest';
import { CommandApdu, exchange, fromHex, toHex } from '../../../src/apdu/index.js';
import { scriptedCard } from './scripted-card.js';

const data = Uint8Array.from({ length: 300 }, (_, i) => i & 0xff);
const long = new CommandApdu({ cla: 0, ins: 0x87, p1: 7, p2: 0x9a, data, ne: 256 });
const first = `1087079A FF ${toHex(data.subarray(0, 255))}`;

test('data that does not fit into one short APDU is sent as a chain', async () => {
  const card = scriptedCard([first, '9000'], [`0087079A 2D ${toHex(data.subarray(255))} 00`, 'AA 9000']);
  const response = await exchange(card, long);
  expect(toHex(response.data)).toBe('AA');
});

test('a chain that the card stops ends with its response', async () => {
  const response = await exchange(scriptedCard([first, '6884']), long);
  expect(response.sw).toBe(0x6884);
});

test('a command marked extended is sent whole', async () => {
  const whole = long.with({ extended: true });
  const response = await exchange(scriptedCard([toHex(whole.encode()), '9000']), whole);
  expect(response.sw).toBe(0x9000);
});

test('a short command with a longer response is sent with Le 00', async () => {
  const command = new CommandApdu({ cla: 0, ins: 0xca, p1: 0, p2: 0, ne: 1000 });
  const response = await exchange(scriptedCard(['00CA000000', '9000']), command);
  expect(response.sw).toBe(0x9000);
});

test('exchange accepts bytes instead of a command', async () => {
  const response = await exchange(scriptedCard(['00A40000', '6A82']), fromHex('00A40000'));
  expect(response.sw).toBe(0x6a82);
});
