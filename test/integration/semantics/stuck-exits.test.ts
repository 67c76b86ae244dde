/** A process ends in time though calls are stuck inside the library. */
import { describe, expect, test } from 'vitest';
import { FakePcsc } from '../../support/fake-pcsc.js';
import { calls, getStuck, other, reader, script } from '../../support/stuck-calls.js';

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
      const fake = new FakePcsc(...script);
      const { endedAfter } = await fake.start(getStuck, { name, way, how: 'exits', reader, other }).ended;
      expect(endedAfter).toBeLessThan(1000);
    },
  );

  test.each(waits)('that abandons %s, which is stuck (%s), and has nothing more to do', async (name, way) => {
    const fake = new FakePcsc(...script);
    const { endedAfter } = await fake.start(getStuck, { name, way, how: 'gives up', reader, other }).ended;
    expect(endedAfter).toBeLessThan(1000);
  });
});
