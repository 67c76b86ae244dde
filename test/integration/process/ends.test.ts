import { afterAll, describe, expect, test } from 'vitest';
import { CardBridge } from '../../../src/index.js';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { runChild } from '../../support/child.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 2 });
await insertPiv(rig);
const { name: reader } = readerAt(rig);
const holder = await CardHold.start(reader);
afterAll(() => holder.release());

/** Operations that another process's transaction blocks, and a watch that has reported the readers. */
const blocked = `
  const { CardBridge } = await import(bridge);
  const reader = ${JSON.stringify(reader)};
  const own = new CardBridge();
  const session = await own.openSession();
  const abort = new AbortController();
  const { signal } = abort;
  let [seen, settled] = [0, 0];
  const waits = [
    session.connect(reader, { signal }),
    session.connect(reader, { signal }),
    session.transaction(reader, () => {}, { signal }),
    own.cache.acquire({ id: 1, connectTime: 1n }, reader, { signal }),
    (async () => { for await (const event of session.watch({ signal })) seen += 1; })(),
  ];
  for (const wait of waits) wait.catch(() => {}).finally(() => settled++);
  // The watch, and the connect that has the turn at the reader, use a context each.
  const allBlocked = () => {
    const { transactions, cache, process } = own.stats();
    return seen === 3 && transactions.waiting === 1 && cache.entries === 2 && process.contexts >= 2;
  };
  while (settled === 0 && !allBlocked()) await new Promise((resolve) => setTimeout(resolve, 5));
  await session.listReaders();
  if (settled > 0) throw new Error('an operation is not blocked');
`;
/** Prints a line and waits until it is written. */
const now = "await new Promise((resolve) => process.stdout.write('now\\n', resolve));";

async function expectEnd(program: string, status: number) {
  const end = await runChild(program, { timeout: 30_000 }); // eight workers take a while on a busy host
  expect(end.signal, end.stderr).toBeNull();
  expect(end.code, end.stderr).toBe(status);
  expect(end.stderr).not.toMatch(/FATAL|Segmentation|Check failed|terminate called/);
  expect(end.sinceNow).toBeLessThan(1000);
  return end;
}

describe('with operations blocked by another process, a process ends within a second', () => {
  test('by process.exit', async () => {
    await expectEnd(`${blocked} ${now} process.exit(7);`, 7);
  });

  test('by itself, once its operations are aborted', async () => {
    await expectEnd(`${blocked} ${now} abort.abort();`, 0);
  });

  test('by itself, once its bridge is closed', async () => {
    await expectEnd(`${blocked} ${now} await own.close();`, 0);
  });

  test('by an uncaught exception', async () => {
    const { stderr } = await expectEnd(
      `${blocked} ${now} setTimeout(() => { throw new Error('on purpose'); });`,
      1,
    );
    expect(stderr).toContain('on purpose');
  });

  test('by an unhandled rejection of an operation', async () => {
    const { stderr } = await expectEnd(
      `${blocked} ${now} abort.abort(); await session.connect(reader, { timeout: 50 });`,
      1,
    );
    expect(stderr).toContain('TimeoutError: SCardConnect');
  });

  test('by a signal', async () => {
    const end = await runChild(`${blocked} ${now} process.kill(process.pid, 'SIGTERM'); await waits[0];`);
    expect(end.signal).toBe('SIGTERM');
    expect(end.sinceNow).toBeLessThan(1000);
  });
});

describe('worker threads', () => {
  const inWorker = (times: number, rest: string) => `
    import { Worker } from 'node:worker_threads';
    const program = ${JSON.stringify(blocked)}.replace('const { CardBridge } = await import(bridge)',
      'const { CardBridge } = await import(' + JSON.stringify(bridge) + ')')
      + "(await import('node:worker_threads')).parentPort.postMessage('blocked'); await Promise.all(waits);";
    const workers = Array.from({ length: ${times} }, () =>
      new Worker(new URL('data:text/javascript,' + encodeURIComponent(program)), { stderr: false }));
    await Promise.all(workers.map((worker) => new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    })));
    ${rest}`;

  test('a worker that is terminated with blocked operations ends', async () => {
    const end = await expectEnd(inWorker(1, `${now} await workers[0].terminate(); console.log('gone');`), 0);
    expect(end.stdout).toContain('gone');
  });

  test('eight workers end while the main thread has blocked operations, too', async () => {
    await expectEnd(
      `${inWorker(8, blocked)} ${now} await Promise.all(workers.map((worker) => worker.terminate())); process.exit(3);`,
      3,
    );
  });

  test('the process ends while workers are blocked', async () => {
    await expectEnd(inWorker(4, `${now} process.exit(5);`), 5);
  });

  test('workers run one after another, each with a bridge of its own that it closes', async () => {
    await expectEnd(
      `
      import { Worker } from 'node:worker_threads';
      const program = "const { CardBridge } = await import(" + JSON.stringify(bridge) + ");"
        + "const own = new CardBridge(); const session = await own.openSession();"
        + "if ((await session.listReaders()).length !== 2) throw new Error('no readers'); await own.close();";
      for (let i = 0; i < 10; i++) {
        const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(program)));
        await new Promise((resolve, reject) => { worker.once('exit', resolve); worker.once('error', reject); });
      }
      ${now}`,
      0,
    );
  });
});

test('a bridge that only has a cached card and no work does not keep the process running', async () => {
  await holder.release();
  await expectEnd(
    `
    const { CardBridge } = await import(bridge);
    const session = await new CardBridge().openSession();
    const reader = ${JSON.stringify(reader)};
    await session.transaction(reader, () => {});
    const card = await session.connect(reader);
    await card.status();
    ${now}`,
    0,
  );
  await using bridge = new CardBridge();
  const session = await bridge.openSession();
  await session.transaction(reader, () => {}, { timeout: 2000 });
});
