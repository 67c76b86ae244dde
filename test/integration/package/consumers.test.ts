/** TypeScript programs that use the package, in each module resolution, with their compiler checking our declarations. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { read, root } from '../../support/documentation.js';
import { makeInstalledProject } from '../../support/installed.js';
import { npmBinary } from '../../support/nodes.js';

const project = makeInstalledProject('pcsc-bridge');
mkdirSync(join(project, 'node_modules/@types'));
for (const name of ['@types/node', 'vitest']) {
  symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name));
}

// vitest's own declarations require a certain module resolution: see the last tests.
const { exports } = JSON.parse(read('package.json')) as { exports: object };
const entries = Object.keys(exports)
  .filter((name) => name !== './package.json' && name !== './vitest')
  .map((name) => name.replace('.', 'pcsc-bridge'));

const program = `
${entries.map((entry, index) => `import * as entry${index} from '${entry}';`).join('\n')}
import { type Card, CardBridge } from 'pcsc-bridge';
import { type Logon, logon } from 'pcsc-bridge/piv';
import { Rig } from 'pcsc-bridge/rig';
import { createPivCard, type PivCard } from 'pcsc-bridge/virtual';

export const all: object[] = [${entries.map((_, index) => `entry${index}`)}];

export async function logsOn(): Promise<Logon> {
  const rig = await Rig.start({ slots: 1 });
  const pivCard: PivCard = await createPivCard({ port: rig.readers[0]!.port });
  const bridge = new CardBridge();
  const session = await bridge.openSession();
  const card: Card = await session.connect(rig.readers[0]!.name, { timeout: 1000 });
  const guid: Uint8Array = pivCard.piv.guid;
  console.log(guid, await card.transmit(guid));
  return session.transaction(rig.readers[0]!.name, (held) => logon(held, '123456'));
}

// @ts-expect-error There is no such filter. If the declarations were not found, there would be no error.
export const wrong = new CardBridge({ filter: 'never' });
`;
// What one module format makes, the other takes.
const mixed = `
import type { CardBridge } from 'pcsc-bridge';
import modules = require('./program.cjs');
export const bridge: CardBridge = modules.wrong;
`;
const fixtures = `
import { logon } from 'pcsc-bridge/piv';
import { test } from 'pcsc-bridge/vitest';

test.override({ slots: 2, pivOptions: { pin: '314159' } });

test('a user logs on', async ({ session, reader, pivCard }) => {
  const { certificate } = await session.transaction(reader.name, (held) => logon(held, '314159'));
  console.log(certificate.subject, pivCard.piv.guid.length);
  // @ts-expect-error A reader has no such member. If the fixtures had no types, there would be no error.
  reader.numberOfSlots;
});
`;
for (const [name, text] of Object.entries({
  'fixtures.mts': fixtures,
  'program.ts': program,
  'program.mts': program,
  'program.cts': program,
  'mixed.mts': mixed,
})) {
  writeFileSync(join(project, name), text);
}

const compilers: Record<string, string> = {
  '5.2': npmBinary('typescript5.2', 'typescript@5.2', 'bin/tsc'),
  6: join(root, 'node_modules/typescript/bin/tsc'),
  7: npmBinary('typescript7', 'typescript@7.0', 'bin/tsc'),
};

test('the versions are those that docs/hosts.md names', () => {
  expect(read('docs/hosts.md')).toContain(`TypeScript ${Object.keys(compilers).at(-1)}`);
});

const settings = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2022', '--types', 'node'];

function expectToCompile(version: string, ...args: readonly string[]) {
  const command = [compilers[version] ?? '', ...settings, ...args];
  const { stdout, stderr, status } = spawnSync(process.execPath, command, { cwd: project, encoding: 'utf8' });
  expect(stdout + stderr).toBe('');
  expect(status).toBe(0);
}

describe.each([
  ['node16', ['5.2', '7'], ['--module', 'node16'], ['program.mts', 'program.cts', 'mixed.mts']],
  ['nodenext', ['7'], ['--module', 'nodenext'], ['program.mts', 'program.cts', 'mixed.mts']],
  ['bundler', ['5.2', '7'], ['--module', 'esnext', '--moduleResolution', 'bundler'], ['program.ts']],
  ['node10', ['5.2'], ['--module', 'commonjs', '--moduleResolution', 'node10'], ['program.ts']],
  [
    'node10',
    ['6'],
    ['--module', 'commonjs', '--moduleResolution', 'node10', '--ignoreDeprecations', '6.0'],
    ['program.ts'],
  ],
] as const)('moduleResolution %s', (_, versions, resolution, files) => {
  test.each(versions)('TypeScript %s', { timeout: 60_000 }, (version) => {
    expectToCompile(version, '--skipLibCheck', 'false', ...resolution, ...files);
  });
});

// vitest's own declarations need the DOM's, and do not all pass a check.
test.each([
  ['nodenext', ['--module', 'nodenext']],
  ['bundler', ['--module', 'esnext', '--moduleResolution', 'bundler']],
])('the fixtures for vitest, with moduleResolution %s', { timeout: 60_000 }, (_, resolution) => {
  expectToCompile('7', '--skipLibCheck', ...resolution, 'fixtures.mts');
});
