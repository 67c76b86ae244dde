/** A PIN is not in a program's memory after its command, however the command ended. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { occurrences } from '../../support/memory.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';

const pin = '739184';
const rig = await startRig({ slots: 1 });
const piv = await insertPiv(rig, 0, { pin });
const { name: reader } = readerAt(rig);
const { faults } = piv;

/**
 * Runs the requested commands, one at a time. Each builds its PIN again, from numbers that are not bytes, and wipes it.
 * The chain is Yubico's command to import a key, with the digits in both of its blocks.
 */
const program = `
  const { CardBridge } = await import(at('index.js'));
  const { CommandApdu } = await import(at('apdu/index.js'));
  const { selectPiv, verifyPin } = await import(at('piv/index.js'));
  const digits = [55, 51, 57, 49, 56, 52];
  function bytes(length, ...places) {
    const made = new Uint8Array(new ArrayBuffer(length)).fill(0xff);
    for (const place of places) for (const [i, digit] of digits.entries()) made[place + i] = digit;
    return made;
  }
  const ways = {
    verifyPin: (card, options) =>
      wiped(bytes(6, 0), (data) => verifyPin({ transmit: (apdu) => card.transmit(apdu, options) }, data)),
    exchange: (card, options) =>
      wiped(bytes(8, 0), (data) => card.exchange(new CommandApdu({ cla: 0, ins: 0x20, p1: 0, p2: 0x80, data }), options)),
    transmit: (card, options) =>
      wiped(bytes(13, 5), (apdu) => { apdu.set([0, 0x20, 0, 0x80, 8]); return card.transmit(apdu, options); }),
    chain: (card, options) =>
      wiped(bytes(400, 20, 300), (data) => card.exchange(new CommandApdu({ cla: 0, ins: 0xfe, p1: 7, p2: 0x9a, data }), options)),
  };
  async function wiped(secret, use) {
    try { return await use(secret); } finally { secret.fill(0); }
  }
  const bridge = new CardBridge();
  const session = await bridge.openSession();
  const card = await session.connect(${JSON.stringify(reader)}, { onReset: 'reconnect' });
  process.on('message', async ({ way, timeout, abortAfter, within }) => {
    const abort = new AbortController();
    if (abortAfter) setTimeout(() => abort.abort(), abortAfter);
    const options = { signal: abort.signal, ...(timeout && { timeout }) };
    let ended = 'done';
    try {
      if (within) await card.transaction((tx) => ways[way](tx, options), { disposition: 'reset' });
      else { if (way === 'verifyPin') await selectPiv(card); await ways[way](card, options); }
    } catch (error) { ended = error.code ?? error.message; }
    process.send(ended);
  });
  process.send('ready');
`;

interface Work {
  way: 'verifyPin' | 'exchange' | 'transmit' | 'chain';
  timeout?: number;
  abortAfter?: number;
  within?: boolean;
}

async function startProgram(backend: string) {
  const dist = String(pathToFileURL(fileURLToPath(new URL('../../../dist/', import.meta.url))));
  const source = `const at = (path) => ${JSON.stringify(dist)} + path;\n${program}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    env: { ...process.env, PCSC_BRIDGE_BACKEND: backend },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  afterAll(() => void child.kill('SIGKILL'));
  expect((await once(child, 'message'))[0]).toBe('ready');
  return {
    pid: child.pid as number,
    async run(work: Work): Promise<string> {
      const answer = once(child, 'message');
      child.send(work);
      return (await answer)[0];
    },
  };
}

describe.each(['daemon', 'library'])('with the %s backend a PIN is not in memory', async (backend) => {
  const running = await startProgram(backend);
  const count = () => occurrences(running.pid, pin);
  afterEach(() => faults.clear());

  test.each(['verifyPin', 'exchange', 'transmit', 'chain'] as const)('after %s', async (way) => {
    faults.forceStatus(0x9000, { ins: 0xfe, times: 2 });
    expect(await running.run({ way })).toBe('done');
    expect(await count()).toBe(0);
  });

  test.each(['verifyPin', 'exchange', 'chain'] as const)(
    'after %s that the card answered 6Cxx',
    async (way) => {
      if (way === 'chain') faults.forceStatus(0x9000, { ins: 0xfe });
      faults.forceStatus(0x6c08, { ins: way === 'chain' ? 0xfe : 0x20 });
      const before = piv.apduCount;
      expect(await running.run({ way })).toBe(way === 'verifyPin' ? 'PIV_REFUSED' : 'done');
      // SELECT before verifyPin, two blocks of the chain; none is sent again.
      expect(piv.apduCount - before).toBe(way === 'exchange' ? 1 : 2);
      expect(await count()).toBe(0);
    },
  );

  test.each(['verifyPin', 'exchange'] as const)('after %s that the card answered 61xx', async (way) => {
    faults.forceStatus(0x6102, { ins: 0x20 });
    faults.forceStatus(0x9000, { ins: 0xc0 });
    expect(await running.run({ way })).toBe('done');
    expect(await count()).toBe(0);
  });

  test.each(['verifyPin', 'exchange', 'transmit', 'chain'] as const)(
    'after %s that the card was reset after',
    async (way) => {
      faults.forceStatus(0x9000, { ins: 0x20 });
      faults.forceStatus(0x9000, { ins: 0xfe, times: 2 });
      expect(await running.run({ way, within: true })).toBe('done');
      expect(await count()).toBe(0);
    },
  );

  test('and is found while the card processes it', async () => {
    faults.responseDelay = 60_000;
    const before = piv.apduCount;
    const ended = running.run({ way: 'exchange' });
    await vi.waitFor(() => expect(piv.apduCount).toBeGreaterThan(before), { interval: 5 });
    expect(await count()).toBeGreaterThan(0);
    faults.clear();
    expect(await ended).toBe('done');
    expect(await count()).toBe(0);
  });

  test.each([
    ['exchange', 'was given up by a timeout', { timeout: 500 }, 'TIMEOUT_ERR'],
    ['transmit', 'was given up by a timeout', { timeout: 500 }, 'TIMEOUT_ERR'],
    ['exchange', 'was aborted', { abortAfter: 500 }, 'ABORT_ERR'],
    ['transmit', 'was aborted', { abortAfter: 500 }, 'ABORT_ERR'],
  ] as const)('after %s that %s', async (way, _how, ending, code) => {
    faults.responseDelay = 60_000;
    const before = piv.apduCount;
    expect(await running.run({ way, ...ending })).toBe(code);
    await vi.waitFor(() => expect(piv.apduCount).toBe(before + 1));
    faults.clear();
    // The core's copy is wiped when the card has responded to the command that was aborted.
    await vi.waitFor(async () => expect(await count()).toBe(0), { timeout: 20_000, interval: 100 });
  });
});
