import { Command, InvalidArgumentError } from 'commander';
import { expect, test } from 'vitest';
import { getResponseClass, protocolOption } from '../../../src/tools/cli/parsers.js';

/** A command that throws instead of ending the process. */
function parse(...words: string[]): unknown {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  return command.addOption(protocolOption()).parse(words, { from: 'user' }).opts()['protocol'];
}

test.each([
  ['t0', 'T=0'],
  ['T=1', 'T=1'],
  ['raw', 'raw'],
])('--protocol %s connects with %s alone', (text, protocol) => {
  expect(parse('--protocol', text)).toEqual([protocol]);
});

test('by default every protocol is accepted, and another one is refused', () => {
  expect(parse()).toBeUndefined();
  expect(() => parse('--protocol', 't2')).toThrow('It must be t0, t1 or raw.');
});

test.each([
  ['same', 'same'],
  ['C0', 0xc0],
  ['a0', 0xa0],
])('the class of GET RESPONSE %s is %s', (text, value) => {
  expect(getResponseClass(text)).toBe(value);
});

test.each(['FF', 'C', '1C0', 'xx', ''])('"%s" is no class of GET RESPONSE', (text) => {
  expect(() => getResponseClass(text)).toThrow(InvalidArgumentError);
});
