/** Names of cards by ATR, from the list of pcsc-tools that Linux systems may have. */
import { readFile } from 'node:fs/promises';
import { toHex } from '../../apdu/index.js';

/** Where pcsc-tools installs the list. */
const SYSTEM_LIST = '/usr/share/pcsc/smartcard_list.txt';

/**
 * Reads the system's list.
 *
 * @param path - For tests.
 * @returns An empty text if the system has none.
 */
export async function readCardList(path = SYSTEM_LIST): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Finds the names that a list gives a card. A line of the list is an ATR as a regular expression (`3B .. 0[1-3]`); the
 * lines below it that begin with a tab describe the card, the first one by its name.
 *
 * @param list - The text of the list.
 * @returns One name for each entry that matches, in the list's order.
 */
export function cardNames(list: string, atr: Uint8Array): string[] {
  const text = toHex(atr, ' ');
  const names: string[] = [];
  let waitsForName = false;
  for (const line of list.split(/\r?\n/)) {
    if (line.startsWith('\t')) {
      if (waitsForName) names.push(line.trim());
      waitsForName = false;
    } else {
      waitsForName = isEntry(line) && matches(line.trim(), text);
    }
  }
  return names;
}

function isEntry(line: string): boolean {
  return /^[0-9A-F.[]/i.test(line);
}

function matches(pattern: string, text: string): boolean {
  if (!/[^0-9A-F ]/i.test(pattern)) return pattern.toUpperCase() === text;
  try {
    return new RegExp(`^(?:${pattern})$`, 'i').test(text);
  } catch {
    // A line that is no regular expression matches no card.
    return false;
  }
}
