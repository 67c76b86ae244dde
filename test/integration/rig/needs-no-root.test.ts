import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { copyRig, expectGone, listWithOpensc, rigProcess } from './helpers.js';

const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;
const launcher = isRoot
  ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--inh-caps=-all']
  : [];
const compiled = copyRig();

test('an unprivileged user can run a rig', async ({ skip }) => {
  const probe = [...launcher, 'unshare', '-Urm', 'true'];
  skip(
    spawnSync(probe[0] as string, probe.slice(1)).status !== 0,
    'this system refuses user namespaces to users without privileges',
  );
  const node = [...launcher, process.execPath, '--version'];
  skip(
    spawnSync(node[0] as string, node.slice(1), { cwd: '/' }).status !== 0,
    `user ${NOBODY} may not run ${process.execPath}`,
  );
  const rig = await rigProcess(compiled, 'setInterval(() => {}, 1000);', { launcher });
  expect(await listWithOpensc(rig)).toHaveLength(2);
  if (isRoot) {
    expect(statSync(rig.directory).uid).toBe(NOBODY);
  }
  expect(statSync(rig.directory).mode & 0o777).toBe(0o700);
  rig.child.kill('SIGKILL');
  await once(rig.child, 'exit');
  await expectGone(rig);
});
