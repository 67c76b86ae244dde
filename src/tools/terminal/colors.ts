/** Colours for a terminal: not in a pipe, not in CI, and not if NO_COLOR is set. */
import { randomInt } from 'node:crypto';

const enabled = process.stdout.isTTY === true && !process.env['NO_COLOR'];

/** In each of our sequences, so that none that comes from elsewhere, as in a reader's name, is taken for ours. */
const mark = randomInt(2 ** 32, 2 ** 47);

type Paint = (text: string) => string;

/** Select graphic rendition (ECMA-48, 8.3.117): one code before the text, one after it. */
function style(before: number, after: number): Paint {
  const select = (code: number) => `\u001b[${code};${mark}m`;
  return enabled ? (text) => select(before) + text + select(after) : (text) => text;
}

export const colors = {
  bold: style(1, 22),
  dim: style(2, 22),
  red: style(31, 39),
  green: style(32, 39),
  yellow: style(33, 39),
  magenta: style(35, 39),
};

const ours = new RegExp(`\\u001b\\[(\\d+);${mark}m`);

/** The text as a terminal is to have it: its own colours as they are, everything between them as `inBetween` makes it. */
export function paintedText(text: string, inBetween: (part: string) => string): string {
  // Every other part is a code.
  return text
    .split(ours)
    .map((part, index) => (index % 2 === 1 ? `\u001b[${part}m` : inBetween(part)))
    .join('');
}
