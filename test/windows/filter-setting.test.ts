import { describe, expect, test } from 'vitest';
import { type NodeName, runNode } from './wine.js';

interface Setting {
  filter: boolean;
  on: boolean;
  stored: boolean | null;
  restartPending: boolean;
}

const ask = (name: NodeName, ...steps: string[]) => runNode<Setting[]>(name, 'filter.mjs', steps);

const on = { filter: true, on: true, stored: true, restartPending: false };
const off = { filter: false, on: false, stored: false, restartPending: false };
const absent = { ...off, stored: null };

/** As in KB949538: the REG_DWORD 1 is on; anything else is off. */
const values: [string, string[], Setting][] = [
  ['absent', [], absent],
  ['the REG_DWORD 0', ['REG_DWORD=0'], off],
  ['the REG_DWORD 1', ['REG_DWORD=1'], on],
  ['the REG_DWORD 2', ['REG_DWORD=2'], off],
  ['the text "1"', ['REG_SZ=1'], off],
  ['the REG_QWORD 1', ['REG_QWORD=1'], off],
  ['the four bytes of 1 as REG_BINARY', ['REG_BINARY=01000000'], off],
  ['the empty text', ['REG_SZ='], off],
  ['1 in the 32-bit view alone', ['REG_DWORD=1@32'], absent],
  ['1, and 0 in the 32-bit view', ['REG_DWORD=1@64', 'REG_DWORD=0@32'], on],
];

describe.each([20, 24, 'ia32'] as const)(
  'Node.js %s: the registry value decides for filter "system"',
  (name) => {
    test.each(values)('%s', async (_, steps, expected) => {
      expect(await ask(name, ...steps, 'ask')).toEqual([expected]);
    });

    test('it is read once, and a change is reported as a pending restart until it is reverted', async () => {
      expect(
        await ask(name, 'ask', 'REG_DWORD=1', 'ask', 'REG_DWORD=0', 'ask', 'REG_DWORD=1', 'delete', 'ask'),
      ).toEqual([absent, { ...absent, stored: true, restartPending: true }, off, absent]);
      expect(await ask(name, 'REG_DWORD=1', 'ask', 'delete', 'ask', 'REG_DWORD=1', 'ask')).toEqual([
        on,
        { ...on, stored: null, restartPending: true },
        on,
      ]);
    });
  },
);
