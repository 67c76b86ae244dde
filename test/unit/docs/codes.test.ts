/** The codes that the documentation names are those that programs receive. */
import { describe, expect, test } from 'vitest';
import { filesIn, read } from '../../support/documentation.js';

const CODE = /\b(?:SCARD|BRIDGE|PIV|CCID|CONTACTLESS|RIG)_(?!STATE_)[A-Z0-9_]*[A-Z0-9]\b/g;

const codesIn = (text: string) => new Set(text.match(CODE));
const inSources = codesIn(
  [
    'native/pcsc/status.cc',
    'src/errors.ts',
    'src/native/load.ts',
    'src/piv/error.ts',
    'src/ccid/error.ts',
    'src/contactless/error.ts',
    'src/testing/rig/error.ts',
  ]
    .map(read)
    .join('\n'),
);
const errorsPage = codesIn(read('docs/errors.md'));

/** Of PC/SC, but not status codes. */
const others = new Set(['SCARD_CTL_CODE', 'SCARD_SHARE_SHARED', 'SCARD_LEAVE_CARD']);

test.each(filesIn('docs', '.md'))('%s names only codes that exist', (page) => {
  const unknown = [...codesIn(read(page))].filter((code) => !inSources.has(code) && !others.has(code));
  expect(unknown).toEqual([]);
});

describe('docs/errors.md explains', () => {
  test.each(['BRIDGE_E_', 'PIV_', 'RIG_'])('every code that begins with %s', (prefix) => {
    const ours = [...inSources].filter((code) => code.startsWith(prefix));
    expect(ours.length).toBeGreaterThan(3);
    expect(ours.filter((code) => !errorsPage.has(code))).toEqual([]);
  });
});
