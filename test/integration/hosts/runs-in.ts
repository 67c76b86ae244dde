/** What has to work in every JavaScript host that loads Node-API addons. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { createPivCard, type PivCard } from '../../../src/testing/virtual/index.js';
import { read } from '../../support/documentation.js';
import { type Host, HostProject } from '../../support/hosts.js';
import { readerAt, startRig } from '../../support/rig.js';

const select = 'Uint8Array.of(0x00, 0xa4, 0x04, 0x00, 0x05, 0xa0, 0x00, 0x00, 0x03, 0x08, 0x00)';

/** Every program here ends by itself: nothing is printed on standard error, and the status is 0. */
export async function testHosts(...hosts: Host[]): Promise<void> {
  const rig = await startRig({ slots: 2 });
  const { name: reader, port } = readerAt(rig);
  describe.each(hosts)('in $name', (host) => testHost(host, reader, port));
}

function testHost(host: Host, reader: string, port: number): void {
  let card: PivCard;
  beforeAll(async () => {
    card = await createPivCard({ port, pin: '314159', subject: 'Alice' });
  });
  afterAll(() => card.remove());
  const project = new HostProject(host);
  const opened = `
    import { CardBridge } from 'pcsc-bridge';
    const select = ${select};
    const reader = ${JSON.stringify(reader)};
    const bridge = new CardBridge();
    const session = await bridge.openSession();
  `;

  test('the quick start of README.md', async () => {
    const quickStart = /```js\n(\/\/ quick\.mjs\n.*?)```/s.exec(read('README.md'))?.[1] ?? '';
    expect(await project.run(quickStart)).toEqual([`${reader} 9000 success`]);
  });

  const logsOn = `${opened}
    import { logon } from 'pcsc-bridge/piv';
    const { subject, algorithm } = await session.transaction(reader, (card) => logon(card, '314159'));
    console.log(subject, algorithm);
    await bridge.close();`;

  test('a PIV logon', async () => {
    expect(await project.run(logsOn)).toEqual(['CN=Alice P256']);
  });

  test('a PIV logon in a worker, after one in the main thread', async () => {
    const program = `${logsOn}
      import { once } from 'node:events';
      import { writeFileSync } from 'node:fs';
      import { Worker } from 'node:worker_threads';
      writeFileSync('worker.mjs', ${JSON.stringify(logsOn)});
      await once(new Worker(new URL('worker.mjs', import.meta.url)), 'exit');`;
    expect(await project.run(program)).toEqual(['CN=Alice P256', 'CN=Alice P256']);
  });

  test('a cached transaction with transmit, twice on the same connection', async () => {
    const program = `${opened}
      const ask = () => session.transaction(reader, async (card) => {
        const response = await card.transmit(select);
        return Buffer.from(response.subarray(-2)).toString('hex');
      });
      console.log(await ask(), await ask(), bridge.cache.entries().length);
      await bridge.close();`;
    expect(await project.run(program)).toEqual(['9000 9000 1']);
  });

  test('many cached transactions at once on one card all complete', async () => {
    const program = `${opened}
      const ask = async () => {
        const response = await session.transaction(reader, (card) => card.transmit(select));
        return response.at(-2) === 0x90;
      };
      const done = await Promise.all(Array.from({ length: 50 }, ask));
      console.log(done.filter(Boolean).length);
      await bridge.close();`;
    expect(await project.run(program)).toEqual(['50']);
  });

  test('a wait behind another process ends at its timeout, and the card is free after that process', async () => {
    const holder = await CardHold.start(reader);
    const program = `${opened}
      console.log(await session.transaction(reader, () => 'begun', { timeout: 200 }).catch(({ name }) => name));
      console.log(await session.transaction(reader, () => 'begun', { timeout: 10000 }));
      await bridge.close();`;
    const lines = await project.run(program, (line) => {
      if (line === 'TimeoutError') void holder.release();
    });
    expect(lines).toEqual(['TimeoutError', 'begun']);
  });

  test('a program that neither closes nor waits for anything ends, with a cached card', async () => {
    const program = `${opened}
      await session.transaction(reader, (card) => card.transmit(select));
      console.log('done');`;
    expect(await project.run(program)).toEqual(['done']);
  });

  test('a worker that is terminated while another process holds its card leaves the card usable', async () => {
    await using _holder = await CardHold.start(reader);
    const worker = `${opened}
      import { parentPort } from 'node:worker_threads';
      parentPort.postMessage('waits');
      await session.transaction(reader, () => {});`;
    const program = `
      import { writeFileSync } from 'node:fs';
      import { Worker } from 'node:worker_threads';
      writeFileSync('worker.mjs', ${JSON.stringify(worker)});
      const worker = new Worker(new URL('worker.mjs', import.meta.url));
      await new Promise((resolve, reject) => { worker.once('message', resolve); worker.once('error', reject); });
      await new Promise((resolve) => setTimeout(resolve, 100));
      await worker.terminate();
      console.log('terminated');`;
    expect(await project.run(program)).toEqual(['terminated']);
  });

  test('a watch reports that a card is removed', async () => {
    const program = `${opened}
      for await (const event of session.watch()) {
        if (event.reader !== reader) continue;
        console.log(event.type);
        if (event.type === 'card-removed') break;
      }
      await bridge.close();`;
    const lines = await project.run(program, (line) => {
      if (line === 'card-inserted') void card.remove();
    });
    expect(lines).toEqual(['reader-added', 'card-inserted', 'card-removed']);
  });

  test('a program starts a rig, with a virtual card in it', async () => {
    const program = `
      import { CardBridge } from 'pcsc-bridge';
      import { Rig } from 'pcsc-bridge/rig';
      import { createPivCard } from 'pcsc-bridge/virtual';
      const rig = await Rig.start({ slots: 1, names: 'Reader of its own' });
      Object.assign(process.env, rig.env);
      const virtual = await createPivCard({ port: rig.readers[0].port });
      const bridge = new CardBridge();
      const session = await bridge.openSession();
      const response = await session.transaction(rig.readers[0].name, (card) => card.exchange(${select}));
      console.log(response.sw.toString(16), ...(await session.listReaders()));
      await bridge.close();
      await virtual.remove();
      await rig.stop();`;
    expect(await project.run(program)).toEqual(['9000 Reader of its own A 00 00 Reader of its own A 00 01']);
  });
}
