/** The prebuilt addons for other Linuxes, in JavaScript of their own (see test/support/foreign.ts). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildStandIn, FakePcsc } from '../../support/fake-pcsc.js';
import { arm, arm64, type ForeignHost, muslArm64, muslX64 } from '../../support/foreign.js';
import { buildPlatforms, notBuilt } from '../../support/platforms.js';
import { insertPiv, startRig } from '../../support/rig.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const rig = await startRig({ slots: 1 });
await insertPiv(rig);

/** Runs a program made for this host to its end; returns its output and its status. */
async function run({ launcher, env }: ForeignHost, args: string[], more = {}) {
  const [program = '', ...before] = launcher;
  const child = spawn(program, [...before, ...args], {
    env: { ...process.env, ...env, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 15_000,
    killSignal: 'SIGKILL',
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  }
  const [status] = await once(child, 'close');
  return { printed, status };
}

const foreign: [string, string, () => ForeignHost][] = [
  ['Node 20 for arm64', 'linux-arm64', () => arm64('20')],
  ['Node 24 for arm64', 'linux-arm64', () => arm64('24')],
  ['Node 20 for armv7', 'linux-arm', arm],
  ['Bun for musl', 'linux-x64-musl', muslX64],
  ['Bun for musl on arm64', 'linux-arm64-musl', muslArm64],
];
const built = buildPlatforms(foreign.map(([, platform]) => platform));
const hosts = foreign
  .filter(([, platform]) => built.has(platform))
  .map(([name, , make]) => ({ name, host: make() }));

const because = (reason: string | undefined) => (reason === undefined ? '' : ` (${reason})`);

for (const [name, platform] of foreign.filter(([, platform]) => !built.has(platform))) {
  test.skip(`in ${name}${because(notBuilt(platform))}`, () => {});
}

describe.each(hosts.map(({ name, host }) => ({ name: name + because(host.trouble), host })))(
  'in $name',
  ({ host }) => {
    beforeAll(() => buildStandIn(host), 300_000);
    const works = test.skipIf(host.trouble !== undefined);

    works('readers, a card, an APDU and a transaction, on the stand-in library', async () => {
      const fake = FakePcsc.on(
        host,
        'reader "Reader 00 00"',
        'card "Reader 00 00" 3B8001 T=1',
        'answer "Reader 00 00" 00A4 9000',
      );
      const told = await fake.run(async ({ bridge: { CardBridge }, errorOf }) => {
        const bridge = new CardBridge();
        const session = await bridge.openSession({ id: 2, connectTime: 133772904000000000n });
        const select = Uint8Array.of(0x00, 0xa4, 0x04, 0x00);
        const [reader = ''] = await session.listReaders();
        const card = await session.connect(reader, { protocols: ['T=1'] });
        const answer = await card.transmit(select);
        await card.transaction((tx) => tx.transmit(select), { disposition: 'reset' });
        await card.close();
        const cached = await session.transaction(reader, (tx) => tx.transmit(select));
        const entries = bridge.cache.entries();
        const error = await errorOf(session.connect('no such reader'));
        await bridge.close();
        return { reader, answer, cached, entries: entries.length, error };
      });
      expect(told).toEqual({
        reader: 'Reader 00 00',
        answer: '9000',
        cached: '9000',
        entries: 1,
        error: expect.objectContaining({
          name: 'PcscError',
          code: 'SCARD_E_UNKNOWN_READER',
          value: 0x80100009,
        }),
      });
      expect(fake.sequence(['BeginTransaction', 'EndTransaction', 'Transmit'])).toEqual([
        'Transmit',
        'BeginTransaction',
        'Transmit',
        'EndTransaction reset',
        'BeginTransaction',
        'Transmit',
        'EndTransaction leave',
      ]);
    });

    works('a call that is stuck is given up in time', async () => {
      const fake = FakePcsc.on(
        host,
        'reader "Reader 00 00"',
        'card "Reader 00 00" 3B8001 T=1',
        'on SCardTransmit stick',
      );
      const told = await fake.run(async ({ bridge: { CardBridge }, errorOf, fake }) => {
        const bridge = new CardBridge();
        const session = await bridge.openSession({ id: 1, connectTime: 1n });
        const card = await session.connect('Reader 00 00');
        const error = await errorOf(card.transmit(Uint8Array.of(0x00, 0xa4, 0x04, 0x00), { timeout: 300 }));
        await fake.tell('go SCardTransmit');
        await bridge.close();
        return error.name;
      });
      expect(told).toBe('TimeoutError');
    });

    const library = 'path' in host.library ? host.library.path : '';
    const why = because('reason' in host.library ? host.library.reason : undefined);
    const env = { ...rig.env, PCSC_BRIDGE_LIBRARY: library };
    const reader = rig.readers[0]?.name ?? '';
    const reaches = test.skipIf(host.trouble !== undefined || library === '');

    reaches(`a card of a real pcscd${why}`, async () => {
      const module = join(host.root, 'quick.mjs');
      writeFileSync(
        module,
        `import { CardBridge } from './dist/index.js';
       const bridge = new CardBridge();
       const session = await bridge.openSession();
       const [reader] = await session.listReaders();
       const command = Uint8Array.of(0x00, 0xa4, 0x04, 0x00, 0x05, 0xa0, 0x00, 0x00, 0x03, 0x08);
       const response = await session.transaction(reader, (card) => card.exchange(command), { timeout: 10_000 });
       console.log(reader, response.sw.toString(16));
       await bridge.close();`,
      );
      expect(await run(host, [host.runtime, module], env)).toEqual({
        printed: `${reader} 9000\n`,
        status: 0,
      });
    });

    reaches(`pcsc-holder holds a card of a real pcscd${why}`, async () => {
      const holder = join(root, 'prebuilds', host.standIn, 'pcsc-holder');
      expect(await run(host, [holder, reader, '1'], env)).toEqual({ printed: 'held\nreleased\n', status: 0 });
    });

    works('pcsc-bridge-agent tells its terminal session', async () => {
      const agent = join(root, 'prebuilds', host.standIn, 'pcsc-bridge-agent');
      const { printed, status } = await run(host, [agent, 'session', '--json']);
      expect(JSON.parse(printed)).toMatchObject({ id: expect.any(Number), connectTime: expect.any(String) });
      expect(status).toBe(0);
    });
  },
);
