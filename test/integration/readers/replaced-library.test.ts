/**
 * A library in the place of libpcsclite has readers of its own, as xrdp's has those of its clients. A pcscd that also
 * runs on the host must not be used instead.
 */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runChild } from '../../support/child.js';
import { FakePcsc } from '../../support/fake-pcsc.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';
import { systemLibrary } from '../../support/system-library.js';

const rig = await startRig({ slots: 2 });
await insertPiv(rig);
const ofPcscd = rig.readers.map(({ name }) => name);
const redirected = 'Redirected Reader 00 00';
const socket = rig.env.PCSCLITE_CSOCK_NAME;

const searched = (directory?: string) =>
  [directory, process.env['LD_LIBRARY_PATH']].filter(Boolean).join(':') || undefined;
/** The variables that would select a backend are unset. */
const plain = {
  PCSC_BRIDGE_LIBRARY: undefined,
  PCSC_BRIDGE_BACKEND: undefined,
  LIBPCSCLITE_DELEGATE: undefined,
  LD_LIBRARY_PATH: searched(),
};

/** What a program sees: its readers, a card's response, the first reader that a watch reports, and the backend. */
async function look(env: NodeJS.ProcessEnv) {
  const { code, stdout, stderr } = await runChild(
    `
    const { CardBridge } = await import(bridge);
    const own = new CardBridge();
    const session = await own.openSession();
    const readers = await session.listReaders();
    const select = Uint8Array.of(0x00, 0xa4, 0x04, 0x00, 0x05, 0xa0, 0x00, 0x00, 0x03, 0x08, 0x00);
    const response = await session.transaction(readers[0], (card) => card.transmit(select));
    const status = Buffer.from(response.subarray(-2)).toString('hex');
    let watched;
    for await (const event of session.watch()) {
      watched = event.reader;
      break;
    }
    const backend = await own.backend();
    await own.close();
    console.log(JSON.stringify({ readers, status, watched, backend }));`,
    { env: { ...plain, ...env } },
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as {
    readers: string[];
    status: string;
    watched: string;
    backend: { name: string; reason: string };
  };
}

/** The stand-in, what a program needs to load it, and the directory in which it has libpcsclite's name. */
function replacement() {
  const fake = new FakePcsc(
    `reader "${redirected}"`,
    `card "${redirected}" 3B00 T=1`,
    `answer "${redirected}" 00 9001`,
  );
  const { PCSC_BRIDGE_LIBRARY: library = '', ...env } = fake.env;
  const directory = mkdtempSync(join(tmpdir(), 'replaced-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  symlinkSync(library, join(directory, 'libpcsclite.so.1'));
  return { fake, library, env, directory };
}

const seesPcscd = { readers: ofPcscd, status: '9000', watched: readerAt(rig).name };
const seesReplacement = { readers: [redirected], status: '9001', watched: redirected };

test('libpcsclite itself: pcscd is used at the socket that the library uses', async () => {
  const seen = await look({});
  expect(seen).toMatchObject({ ...seesPcscd, backend: { name: 'daemon' } });
  expect(seen.backend.reason).toContain(socket);
});

test("a replacement on LD_LIBRARY_PATH, like xrdp's: its readers are used, through it", async () => {
  const { fake, env, directory } = replacement();
  const seen = await look({ ...env, LD_LIBRARY_PATH: searched(directory) });
  expect(seen).toMatchObject({ ...seesReplacement, backend: { name: 'library' } });
  expect(seen.backend.reason).toContain(socket);
  expect(fake.calls('SCardTransmit')).toHaveLength(1);
  expect(fake.violations).toEqual([]);
});

test('a replacement, and PCSC_BRIDGE_BACKEND=daemon: pcscd is used all the same', async () => {
  const { fake, env, directory } = replacement();
  const chosen = { PCSC_BRIDGE_BACKEND: 'daemon', LD_LIBRARY_PATH: searched(directory) };
  const seen = await look({ ...env, ...chosen });
  expect(seen).toMatchObject({ ...seesPcscd, backend: { name: 'daemon' } });
  expect(seen.backend.reason).toContain('PCSC_BRIDGE_BACKEND');
  expect(fake.calls()).toEqual([]);
});

test('PCSC_BRIDGE_BACKEND=library: pcscd is used through libpcsclite', async () => {
  const seen = await look({ PCSC_BRIDGE_BACKEND: 'library' });
  expect(seen).toMatchObject({ ...seesPcscd, backend: { name: 'library' } });
  expect(seen.backend.reason).toContain('PCSC_BRIDGE_BACKEND');
});

test('PCSC_BRIDGE_LIBRARY is used for everything, whatever PCSC_BRIDGE_BACKEND says', async () => {
  const { library, env } = replacement();
  const seen = await look({ ...env, PCSC_BRIDGE_LIBRARY: library, PCSC_BRIDGE_BACKEND: 'daemon' });
  expect(seen).toMatchObject({ ...seesReplacement, backend: { name: 'library' } });
  expect(seen.backend.reason).toContain(library);
});

test('an unknown backend is an error that names the variable', async () => {
  const { code, stderr } = await runChild(
    `const { CardBridge } = await import(bridge);
     const own = new CardBridge();
     await own.backend();`,
    { env: { ...plain, PCSC_BRIDGE_BACKEND: 'demon' } },
  );
  expect(code).toBe(1);
  expect(stderr).toMatch(/PCSC_BRIDGE_BACKEND is "demon".*library.*daemon/);
});

// Since 2.1 libpcsclite forwards its calls. scripts/test-pcscd has Debian trixie's.
if (systemLibrary('libpcsclite_real.so.1')) {
  test('LIBPCSCLITE_DELEGATE: the readers of the library that it names are used', async () => {
    const { fake, library, env } = replacement();
    const seen = await look({ ...env, LIBPCSCLITE_DELEGATE: library });
    expect(seen).toMatchObject({ ...seesReplacement, backend: { name: 'library' } });
    expect(seen.backend.reason).toContain('LIBPCSCLITE_DELEGATE');
    expect(fake.violations).toEqual([]);
  });
} else {
  test('LIBPCSCLITE_DELEGATE selects the library backend, even if the library is too old to forward calls', async () => {
    const { fake, library, env } = replacement();
    const seen = await look({ ...env, LIBPCSCLITE_DELEGATE: library });
    expect(seen).toMatchObject({ ...seesPcscd, backend: { name: 'library' } });
    expect(fake.calls()).toEqual([]);
  });
}
