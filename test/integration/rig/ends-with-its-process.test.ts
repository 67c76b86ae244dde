import { once } from 'node:events';
import { expect, test } from 'vitest';
import { copyRig, expectGone, listWithOpensc, processesWith, rigProcess } from './helpers.js';

const compiled = copyRig();
const FOREVER = 'setInterval(() => {}, 1000);';

test.each([
  ['stops it', 'await rig.stop();', 0],
  ['disposes of it', 'await rig[Symbol.asyncDispose]();', 0],
  ['drops it and has nothing more to do', '', 0],
  ['calls process.exit', `${FOREVER} process.exit(3);`, 3],
  ['throws', `${FOREVER} throw new Error('wanted');`, 1],
  ['leaves a rejection unhandled', `${FOREVER} Promise.reject(new Error('wanted'));`, 1],
])('nothing is left of a rig whose process %s', async (_, rest, status) => {
  const rig = await rigProcess(compiled, rest);
  if (rig.child.exitCode === null) {
    await once(rig.child, 'exit');
  }
  expect(rig.child.exitCode).toBe(status);
  await expectGone(rig);
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const)(
  'nothing is left of a rig whose process is ended by %s',
  async (signal) => {
    const rig = await rigProcess(compiled, FOREVER);
    expect(await listWithOpensc(rig)).toHaveLength(2);
    rig.child.kill(signal);
    await once(rig.child, 'exit');
    expect(rig.child.signalCode).toBe(signal);
    await expectGone(rig);
  },
);

test('nothing is left of a rig whose worker thread is terminated', async () => {
  const rig = await rigProcess(compiled, '', {
    options: `await (async () => {
      const { Worker, isMainThread, parentPort } = await import('node:worker_threads');
      const worker = new Worker(
        \`import { Rig } from '${compiled}/index.js';
        import { parentPort } from 'node:worker_threads';
        const { directory, socket, env, readers } = await Rig.start({ slots: 1 });
        parentPort.postMessage({ directory, socket, env, port: readers[0].port });
        setInterval(() => {}, 1000);\`,
        { eval: true, type: 'module', execArgv: ['--input-type=module'] },
      );
      const [description] = await new Promise((resolve) => worker.once('message', (...all) => resolve(all)));
      console.log(JSON.stringify(description));
      process.stdin.once('data', () => worker.terminate());
      await new Promise(() => {});
    })()`,
  });
  rig.child.stdin?.write('terminate\n');
  try {
    await expectGone(rig);
    expect(rig.child.exitCode).toBeNull();
  } finally {
    rig.child.kill('SIGKILL');
  }
});

test('nothing is left of a rig whose supervisor is killed', async () => {
  const rig = await rigProcess(compiled, FOREVER);
  const [supervisor] = processesWith(rig.directory).sort((a, b) => a - b);
  process.kill(supervisor as number, 'SIGKILL');
  try {
    await expectGone(rig);
    expect(rig.child.exitCode).toBeNull();
  } finally {
    rig.child.kill('SIGKILL');
  }
});
