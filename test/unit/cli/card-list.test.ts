import { expect, test } from 'vitest';
import { fromHex } from '../../../src/apdu/index.js';
import { cardNames, readCardList } from '../../../src/tools/cli/card-list.js';

const list = `# A list as that of pcsc-tools
3B 02 14 50
\tMultiflex 3k
\thttps://example.org/multiflex

3B 67 25 00 2A 20 00 4[05] 68 90 00
\tOne of two

3B .. 14 50\r
\tAny length\r

3B (02 14 50
\tNo regular expression
`;

test.each([
  ['3B021450', ['Multiflex 3k', 'Any length']],
  ['3B031450', ['Any length']],
  ['3B6725002A200040689000', ['One of two']],
  ['3B6725002A200041689000', []],
  ['3B02145000', []],
])('%s is found as %j', (atr, names) => {
  expect(cardNames(list, fromHex(atr))).toEqual(names);
});

test('a system without a list names no card', async () => {
  expect(await readCardList('/nonexistent/smartcard_list.txt')).toBe('');
  expect(cardNames('', fromHex('3B021450'))).toEqual([]);
});
