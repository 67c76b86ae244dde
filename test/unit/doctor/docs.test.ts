import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string) => readFileSync(root + path, 'utf8');

const rows = [...read('docs/doctor.md').matchAll(/^\| `([\w-]+)` \| (.+?) \| `([\w-]+)` \| (.+) \|$/gm)].map(
  ([, rule = '', host = '', verdict = '', test = '']) => ({ rule, host, verdict, test }),
);
/** Rule and verdict as the code has them: kHotfixMissing is hotfix-missing. */
const rules = new Map(
  [...read('native/doctor/rules.cc').matchAll(/\{"([\w-]+)",[^"]*?Kind::k(\w+)/g)].map(
    ([, rule = '', kind = '']) => [rule, kind.replace(/(?<!^)[A-Z]/g, '-$&').toLowerCase()],
  ),
);
const tests = new Set(
  readdirSync(`${root}test/native`)
    .filter((name) => /^doctor_.*_test\.cc$/.test(name))
    .flatMap((name) => [
      ...read(`test/native/${name}`).matchAll(/TEST_CASE\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)/g),
    ])
    .map(([, literals = '']) =>
      [...literals.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => JSON.parse(`"${text}"`)).join(''),
    ),
);

describe('the decision table in docs/doctor.md', () => {
  it('has a row for every rule of the code, in its order', () => {
    expect(rules.size).toBe(20);
    expect([...new Set(rows.map(({ rule }) => rule))]).toEqual([...rules.keys()]);
  });

  it.each(rows)('$rule, $host: the verdict is the code’s and the test exists', ({ rule, verdict, test }) => {
    expect(verdict).toBe(rules.get(rule));
    expect(tests).toContain(test);
  });
});
