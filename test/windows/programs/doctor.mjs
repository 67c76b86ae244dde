/**
 * doctor.mjs STEP...: the doctor's report on this host. A STEP is `ask`, `set=1` or `set=0` (doctor --set-filter),
 * `copy=FILE` into Windows' own system directory, `record` (the servicing records have the hotfix), `delete` (the
 * filter's key), or TYPE=DATA[@VIEW] for reg.exe to write the filter's value, into the 64-bit view or the named one.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { basename } from 'node:path';
import { examineHost, writeFilter } from '../dist/tools/doctor/report.js';
import { report } from './report.mjs';

const key = 'HKLM\\SOFTWARE\\Microsoft\\Cryptography\\Calais\\Cache';
const name = 'FilterCSPCardCacheByTSSessionConnectTime';
const packages = 'HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Component Based Servicing\\Packages';
// A 32-bit program sees another directory under the name of system32.
const system = `C:\\windows\\${process.arch === 'ia32' ? 'sysnative' : 'system32'}`;
const reg = (...words) => execFileSync('reg.exe', words, { stdio: 'ignore' });

const steps = {
  ask: async () => {
    const { verdict, rule, nextSteps, findings } = await examineHost();
    const values = Object.fromEntries(findings.map((finding) => [finding.name, finding.value]));
    return { verdict, rule, nextSteps, values };
  },
  set: async (on) => (await writeFilter(on === '1')).changed,
  copy: (file) => copyFileSync(`Z:${file}`, `${system}\\${basename(file)}`),
  record: () => {
    const record = `${packages}\\Package_for_KB949538_server~31bf3856ad364e35~amd64~~6.0.1.0`;
    reg('add', record, '/v', 'CurrentState', '/t', 'REG_DWORD', '/d', '112', '/f', '/reg:64');
  },
  delete: () => reg('delete', key, '/f', '/reg:64'),
};

const answers = [];
for (const step of process.argv.slice(2)) {
  const [, what, data, view = '64'] = /^(\w+)(?:=([^@]*)(?:@(\d+))?)?$/.exec(step);
  if (what in steps) {
    const answer = await steps[what](data);
    if (answer !== undefined) answers.push(answer);
  } else {
    reg('add', key, '/v', name, '/t', what, '/d', data, '/f', `/reg:${view}`);
  }
}
report(answers);
