import { describe, expect, test } from 'vitest';
import { printable, printableJson } from '../../src/printable.js';
import { read, sourcesIn } from '../support/documentation.js';

const unseen = {
  'C0 controls': '\0\b\t\n\r\u001b',
  'DEL and C1 controls': '\u007f\u0085\u009b\u009d',
  'what turns the direction': '\u202a\u202e\u2066\u2069\u200f\u061c',
  'what has no width': '\u200b\u200d\ufeff\u00ad',
  'ends of lines': '\u2028\u2029',
  'half a pair': '\ud800',
  'a tag': '\u{e0041}',
};

describe.each(Object.entries(unseen))('%s', (_what, text) => {
  test('is invisible, and is shown as question marks', () => {
    expect(printable(`a${text}b`)).toBe(`a${'?'.repeat([...text].length)}b`);
  });

  test('stays unchanged in data', () => {
    const json = printableJson(JSON.stringify({ text }, null, 2));
    expect(json.replaceAll('\n', '')).toBe(printable(json.replaceAll('\n', '')));
    expect(JSON.parse(json)).toEqual({ text });
  });
});

test('letters of every script are unchanged', () => {
  const text = 'Lecteur à puce «Ω» カード 🂡 00 00';
  expect(printable(text)).toBe(text);
  expect(printableJson(text)).toBe(text);
});

test('only src/tools/cli/output.ts writes to the terminal', () => {
  const writes = /\bconsole\.|process\.(?:stdout|stderr)\.write/;
  const others = sourcesIn('src').filter(
    (file) => file !== 'src/tools/cli/output.ts' && writes.test(read(file)),
  );
  expect(others).toEqual([]);
});
