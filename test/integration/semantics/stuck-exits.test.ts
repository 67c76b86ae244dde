/** A process ends in time though calls are stuck inside the library. */
import { describe, expect, test } from 'vitest';
import { FakePcsc } from '../../support/fake-pcsc.js';
import { calls, type Given, getStuck, other, reader, script } from '../../support/stuck-calls.js';
import { shortestOf3 } from '../../support/time.js';

/** Milliseconds. */
function timeToEnd(given: Pick<Given, 'name' | 'way' | 'how'>): Promise<number> {
  return shortestOf3(1000, async () => {
    const fake = new FakePcsc(...script);
    const { endedAfter } = await fake.start(getStuck, { ...given, reader, other }).ended;
    return endedAfter;
  });
}

describe('a process ends within a second', () => {
  const nobodyCanEnd: [name: string, way: string][] = [
    ['SCardEndTransaction', 'begin'],
    ['SCardDisconnect', 'close'],
    ['SCardReleaseContext', 'close'],
    ['SCardReleaseContext', 'closeSession'],
  ];
  const waits: [name: string, way: string][] = [
    ...calls.map(([name, way]): [string, string] => [name, way]),
    ['SCardGetStatusChange', 'watch'],
  ];

  test.each([...waits, ...nobodyCanEnd])(
    'that calls process.exit() while %s is stuck (%s)',
    async (name, way) => {
      expect(await timeToEnd({ name, way, how: 'exits' })).toBeLessThan(1000);
    },
  );

  test.each(waits)('that abandons %s, which is stuck (%s), and has nothing more to do', async (name, way) => {
    expect(await timeToEnd({ name, way, how: 'gives up' })).toBeLessThan(1000);
  });
});
