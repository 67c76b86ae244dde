/**
 * filter.mjs STEP...: how a process reads the registry value. A STEP is `ask`, `delete`, or TYPE=DATA[@VIEW] for
 * reg.exe to write, into the 64-bit view or the named one (32, 64).
 */
import { execFileSync } from 'node:child_process';
import { CardBridge } from 'pcsc-bridge';
import { report } from './report.mjs';

const key = 'HKLM\\SOFTWARE\\Microsoft\\Cryptography\\Calais\\Cache';
const name = 'FilterCSPCardCacheByTSSessionConnectTime';
const reg = (...words) => execFileSync('reg.exe', words, { stdio: 'ignore' });

const answers = [];
for (const step of process.argv.slice(2)) {
  if (step === 'ask') {
    const bridge = new CardBridge({ filter: 'system' });
    const { place, ...setting } = bridge.filterSetting;
    answers.push({ filter: bridge.cache.filter, ...setting });
    await bridge.close();
  } else if (step === 'delete') {
    reg('delete', key, '/v', name, '/f', '/reg:64');
  } else {
    const [, type, data, view = '64'] = /^(\w+)=([^@]*)(?:@(\d+))?$/.exec(step);
    reg('add', key, '/v', name, '/t', type, '/d', data, '/f', `/reg:${view}`);
  }
}
report(answers);
