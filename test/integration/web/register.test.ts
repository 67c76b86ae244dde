/** `pcsc-bridge/web/register`, as the package exports it. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** What a program prints. */
function run(code: string, ...options: string[]): unknown {
  const output = execFileSync(process.execPath, [...options, '--eval', code], {
    cwd: root,
    encoding: 'utf8',
  });
  return JSON.parse(output);
}

const names = ['SmartCardConnection', 'SmartCardContext', 'SmartCardError', 'SmartCardResourceManager'];
const look = `
  const found = ${JSON.stringify(names)}.filter((name) => typeof globalThis[name] === 'function');
  console.log(JSON.stringify({
    found,
    enumerable: Object.keys(globalThis).filter((name) => name.startsWith('SmartCard')),
    smartCard: String(globalThis.navigator?.smartCard),
  }));`;

test('installs navigator.smartCard and the interfaces', () => {
  expect(run(look, '--import', 'pcsc-bridge/web/register')).toEqual({
    found: names,
    enumerable: [],
    smartCard: '[object SmartCardResourceManager]',
  });
});

test('works with require, and installs the objects of pcsc-bridge/web', () => {
  const code = `
    require('pcsc-bridge/web/register');
    const web = require('pcsc-bridge/web');
    const error = new SmartCardError('', { responseCode: 'reset-card' });
    console.log(JSON.stringify([navigator.smartCard === web.smartCard, error instanceof web.SmartCardError]));`;
  expect(run(code, '--no-warnings')).toEqual([true, true]);
});

test('leaves what exists as it is', () => {
  const code = `
    const own = { smartCard: 'own' };
    Object.defineProperty(globalThis, 'navigator', { value: own, configurable: true });
    globalThis.SmartCardError = 'own';
    import('pcsc-bridge/web/register').then(() =>
      console.log(JSON.stringify([navigator.smartCard, SmartCardError, typeof SmartCardContext])));`;
  expect(run(code)).toEqual(['own', 'own', 'function']);
});

test('pcsc-bridge/web alone installs nothing', () => {
  const code = `import('pcsc-bridge/web').then(() => { ${look} })`;
  expect(run(code)).toEqual({ found: [], enumerable: [], smartCard: 'undefined' });
});
