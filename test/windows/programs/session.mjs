/** The session of a process: the caller's own, and a child's. */
import { spawn } from 'node:child_process';
import { CardBridge } from 'pcsc-bridge';
import { report } from './report.mjs';

const bridge = new CardBridge();
const own = await bridge.openSession();
const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { stdio: 'ignore' });
const ofChild = await bridge.openSession({ pid: child.pid });
child.kill();
const nobody = await bridge.openSession({ pid: 4_000_000 }).catch((error) => error.code);
report({
  platform: process.platform,
  arch: process.arch,
  own: own.identity,
  ofChild: ofChild.identity,
  nobody,
});
await bridge.close();
