import { expect, test } from 'vitest';
import { ResponseApdu } from '../../../src/apdu/index.js';
import { FakeReader } from './fake-reader.js';
import { TestApplet } from './test-applet.js';

/** An applet whose FCI is the last byte of its AID. */
class NamedApplet extends TestApplet {
  deselected = 0;
  select(): ResponseApdu {
    return ResponseApdu.ok(this.aid.subarray(-1));
  }
  deselect(): void {
    this.deselected += 1;
  }
}

const first = 'F05043534301';
const second = 'F05043534302';

async function cardWithTwo(reader: FakeReader) {
  const applets = [new NamedApplet(first), new NamedApplet(second)] as const;
  return { applets, card: await reader.insert([...applets]) };
}

test('an applet is selected by its whole AID', async () => {
  await using reader = await FakeReader.listen();
  await cardWithTwo(reader);
  expect(await reader.transmit(`00A40400 06 ${second} 00`)).toBe('029000');
});

test('a partial AID selects the first applet, and the next on demand', async () => {
  await using reader = await FakeReader.listen();
  await cardWithTwo(reader);
  expect(await reader.transmit('00A40400 05 F050435343 00')).toBe('019000');
  expect(await reader.transmit('00A40402 05 F050435343 00')).toBe('029000');
  expect(await reader.transmit('00A40402 05 F050435343 00')).toBe('6A82');
});

test('an unknown AID is 6A82 and keeps the selection', async () => {
  await using reader = await FakeReader.listen();
  const { applets } = await cardWithTwo(reader);
  await reader.transmit(`00A40400 06 ${first}`);
  expect(await reader.transmit('00A40400 05 A000000001 00')).toBe('6A82');
  expect(await reader.transmit('0010000001AA00')).toBe('AA9000');
  expect(applets[0].deselected).toBe(0);
});

test('selecting another applet deselects the previous one', async () => {
  await using reader = await FakeReader.listen();
  const { applets } = await cardWithTwo(reader);
  await reader.transmit(`00A40400 06 ${first}`);
  await reader.transmit(`00A40400 06 ${second}`);
  expect(applets.map(({ deselected }) => deselected)).toEqual([1, 0]);
});

test('SELECT with P2 = 0C returns no file control information', async () => {
  await using reader = await FakeReader.listen();
  await cardWithTwo(reader);
  expect(await reader.transmit(`00A4040C 06 ${first} 00`)).toBe('9000');
});

test.each([
  ['by file identifier, without files', '00A40000 02 3F00', '6A82'],
  ['in a way that does not exist', '00A41F00 02 3F00', '6A86'],
  ['with unknown bits in P2', '00A40440 05 F050435343', '6A86'],
  ['for the last occurrence', '00A40401 05 F050435343', '6A81'],
])('SELECT %s is rejected', async (_how, apdu, sw) => {
  await using reader = await FakeReader.listen();
  await cardWithTwo(reader);
  expect(await reader.transmit(apdu)).toBe(sw);
});
