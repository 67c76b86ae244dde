/** Each descriptor and each thread that a logon needs fails once, in a process of its own. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { DEFAULT_PIN } from '../../../src/testing/virtual/index.js';
import { runChild } from '../../support/child.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';

const directory = mkdtempSync(join(tmpdir(), 'failing-calls-'));
afterAll(() => rmSync(directory, { recursive: true }));
const shim = join(directory, 'failing-calls.so');
const counters = join(directory, 'counters');
const source = fileURLToPath(new URL('failing-calls.c', import.meta.url));
execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', shim, source, '-ldl', '-pthread']);

const rig = await startRig({ slots: 2 });
await insertPiv(rig);
const { name: reader } = readerAt(rig);

/** In the order in which failing-calls.c counts them. */
const functions = ['socket', 'eventfd', 'epoll_create1', 'epoll_ctl', 'timerfd_create', 'pthread_create'];
/** A logon takes fewer calls of each. */
const most = 30;

/** Logs on in each way with the failure ahead, and once more without it. */
const program = (index: number, n: number) => `
  import { openSync, readSync, writeSync, readdirSync } from 'node:fs';
  import { stat } from 'node:fs/promises';
  const { CardBridge } = await import(bridge);
  const piv = await import(bridge.replace('index.js', 'piv/index.js'));
  // The threads of libuv's pool are not ours.
  await Promise.all(Array.from({ length: 16 }, () => stat('/')));
  const file = openSync(${JSON.stringify(counters)}, 'r+');
  const counter = new Int32Array([${n}]);
  const at = ${index * 4};
  const reader = ${JSON.stringify(reader)};
  const noted = [];
  const note = (error) => noted.push([error.name, error.code, error.operation].join(' '));
  const own = new CardBridge();
  const watched = async (session) => {
    const watch = session.watch();
    const { done } = await watch.next();
    watch.close();
    if (done) throw new Error('the watch reports nothing');
  };
  async function logOn(note) {
    const session = await own.openSession({ id: 1, connectTime: 1n });
    await session.listReaders().catch(note);
    await session.transaction(reader, (tx) => piv.logon(tx, '${DEFAULT_PIN}'), { timeout: 5000 }).catch(note);
    await session.connect(reader, { timeout: 5000 }).then((card) => card.close()).catch(note);
    await watched(session).catch(note);
    await session.close();
  }
  writeSync(file, counter, 0, 4, at);
  await logOn(note);
  readSync(file, counter, 0, 4, at);
  const met = counter[0] === 0;
  counter[0] = 0;
  writeSync(file, counter, 0, 4, at);
  await logOn((error) => { throw error; });
  await own.close();
  // Contexts go when pcscd has answered.
  const descriptors = () => readdirSync('/proc/self/fd').length;
  for (let before = Infinity; before !== descriptors(); ) {
    before = descriptors();
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  console.log(JSON.stringify({ met, noted, left: descriptors() }));
`;

/** libpcsclite, which is loaded first, has one code for every failure to reach its daemon. */
const ofLibrary = 'PcscError SCARD_E_NO_SERVICE SCardEstablishContext';
const ours = ['event loop', 'thread', 'socket', 'epoll_ctl'].map(
  (name) => `PcscError SCARD_E_NO_MEMORY ${name}`,
);

test.each(functions.map((name, index) => [name, index] as const))(
  'if a call of %s fails, the logon reports that or continues, and the next logon works',
  async (name, index) => {
    const errors: string[] = [];
    const descriptors: number[] = [];
    let n = 1;
    for (; n <= most; n++) {
      writeFileSync(counters, Buffer.alloc(functions.length * 4));
      const env = { LD_PRELOAD: shim, FAILING_CALLS: counters };
      const { code, signal, stdout, stderr } = await runChild(program(index, n), { env, timeout: 20_000 });
      expect({ n, code, signal, stderr }).toEqual({ n, code: 0, signal: null, stderr: '' });
      const { met, noted, left } = JSON.parse(stdout);
      if (!met) {
        // Nothing failed: these are the resources that a process has in the end.
        expect(Math.max(...descriptors)).toBeLessThanOrEqual(left);
        break;
      }
      errors.push(...noted);
      descriptors.push(left);
    }
    expect(n).toBeLessThan(most);
    expect(errors.length).toBeGreaterThan(0);
    const known = name === 'socket' ? [...ours, ofLibrary] : ours;
    expect(errors.filter((error) => !known.includes(error))).toEqual([]);
  },
  60_000,
);
