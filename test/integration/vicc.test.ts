import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { CardBridge } from '../../src/index.js';
import { Rig } from '../../src/testing/rig/index.js';
import { readerAt } from '../support/rig.js';

// Debian's paths: Python does not search for vicc's modules, nor any more for PyCrypto's name.
const program = '/usr/bin/vicc';
const modules = '/usr/lib/python3/site-packages/virtualsmartcard';
const crypto = '/usr/lib/python3/dist-packages/Cryptodome';
const missing = [
  existsSync(program) && existsSync(modules) ? '' : 'vsmartcard-vpicc',
  existsSync(crypto) ? '' : 'python3-pycryptodome',
].filter(Boolean);

test("vsmartcard's own card, an independent implementation, is watched, connected, and responds", async ({
  skip,
}) => {
  skip(missing.length > 0, `not installed: ${missing.join(', ')}`);
  await using rig = await Rig.start({ slots: 2 });
  Object.assign(process.env, rig.env);
  await using bridge = new CardBridge();
  const session = await bridge.openSession();
  const { name: reader, port } = readerAt(rig);
  const shim = await mkdtemp(join(tmpdir(), 'vicc-'));
  await symlink(crypto, join(shim, 'Crypto'));
  const vicc = spawn(
    '/usr/bin/python3',
    [program, '--type', 'iso7816', '--hostname', '127.0.0.1', '--port', String(port)],
    { env: { ...process.env, PYTHONPATH: [shim, modules].join(delimiter) }, stdio: 'ignore' },
  );
  onTestFinished(async () => {
    vicc.kill();
    await rm(shim, { recursive: true });
  });

  await using watch = session.watch();
  for await (const event of watch) {
    if (event.type !== 'card-inserted') continue;
    expect(event.reader).toBe(reader);
    break;
  }
  await using card = await vi.waitFor(() => session.connect(reader), { timeout: 5000 });
  const { atr } = await card.status();
  expect(atr[0]).toBe(0x3b);
  // SELECT of the master file, without requesting its control information.
  const response = await card.transmit(Uint8Array.of(0x00, 0xa4, 0x00, 0x0c, 0x02, 0x3f, 0x00));
  expect(Buffer.from(response).toString('hex')).toBe('9000');
  const challenge = await card.transaction((tx) => tx.transmit(Uint8Array.of(0x00, 0x84, 0x00, 0x00, 0x08)));
  expect(challenge.length).toBeGreaterThanOrEqual(2);
});
