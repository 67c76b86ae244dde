/** A process is killed at each step of a logon. A new process must be able to use the card, and not with its PIN. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { DEFAULT_PIN } from '../../../src/testing/virtual/index.js';
import { runChild } from '../../support/child.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 2 });
const card = await insertPiv(rig);
const { name: reader } = readerAt(rig);

const index = pathToFileURL(fileURLToPath(new URL('../../../dist/index.js', import.meta.url)));
const instruction = { select: 0xa4, certificate: 0xcb, verify: 0x20, sign: 0x87 };

/** Logs on through the cache and reports each step; continues when the test says so. */
const victim = `
  import { createInterface } from 'node:readline';
  const { CardBridge } = await import(${JSON.stringify(index)});
  const piv = await import(${JSON.stringify(String(index).replace('index.js', 'piv/index.js'))});
  const { createHash } = await import('node:crypto');
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  async function step(name) {
    console.log(name);
    await lines.next();
  }
  const bridge = new CardBridge();
  const session = await bridge.openSession({ id: 7, connectTime: 7n });
  const reader = ${JSON.stringify(reader)};
  await step('session opened');
  await session.transaction(reader, async (tx) => {
    await step('transaction begun');
    await piv.selectPiv(tx);
    const { publicKey } = await piv.readCertificate(tx, '9A');
    await step('application selected');
    await piv.verifyPin(tx, '${DEFAULT_PIN}');
    await step('PIN verified');
    const digest = createHash('sha256').update('challenge').digest();
    await piv.sign(tx, '9A', digest, publicKey);
    await step('challenge signed');
  });
  await step('transaction ended');
  bridge.cache.evict(session.identity);
  await step('entry evicted');
  await session.close();
  await step('session closed');
  await bridge.close();
  await step('bridge closed');
`;

const steps = [
  'session opened',
  'transaction begun',
  'application selected',
  'PIN verified',
  'challenge signed',
  'transaction ended',
  'entry evicted',
  'session closed',
  'bridge closed',
];

/** What another identity finds in a new process: the status word of a signature without a PIN, then a logon. */
const successor = `
  const { CardBridge } = await import(bridge);
  const piv = await import(bridge.replace('index.js', 'piv/index.js'));
  const { createHash } = await import('node:crypto');
  const own = new CardBridge();
  const session = await own.openSession({ id: 8, connectTime: 8n });
  const reader = ${JSON.stringify(reader)};
  const start = performance.now();
  const withoutPin = await session.transaction(reader, async (tx) => {
    await piv.selectPiv(tx);
    const { publicKey } = await piv.readCertificate(tx, '9A');
    const digest = createHash('sha256').update('challenge').digest();
    return piv.sign(tx, '9A', digest, publicKey).then(() => 'signed', (error) => error.code);
  }, { timeout: 5000 });
  const waitedMs = performance.now() - start;
  const { subject } = await session.transaction(reader, (tx) => piv.logon(tx, '${DEFAULT_PIN}'));
  await own.close();
  console.log(JSON.stringify({ withoutPin, waitedMs, loggedOn: subject !== '' }));
`;

/** Resolves when a command of this instruction has arrived at the card, which then takes its time. */
function slowDown(ins: number): Promise<void> {
  const { faults } = card;
  const take = faults.take.bind(faults);
  const spy = vi.spyOn(faults, 'take');
  onTestFinished(() => {
    spy.mockRestore();
    faults.clear();
  });
  return new Promise((resolve) => {
    spy.mockImplementation((one) => {
      faults.responseDelay = one === ins ? 200 : 0;
      if (one === ins) resolve();
      return take(one);
    });
  });
}

class Victim {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    this.#process = spawn(process.execPath, ['--input-type=module', '--eval', victim], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    onTestFinished(() => void this.#process.kill('SIGKILL'));
    if (!this.#process.stdout) throw new Error('the process has no output');
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** Lets it continue until it has completed this step. */
  async reach(step: string): Promise<void> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`the process ended before the step "${step}"`);
      if (value === step) return;
      this.goOn();
    }
  }

  goOn(): void {
    this.#process.stdin?.write('\n');
  }

  async kill(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    expect(await ended).toEqual([null, 'SIGKILL']);
  }
}

async function expectNextUser(): Promise<void> {
  await (await CardHold.start(reader)).release();
  const { code, stdout, stderr } = await runChild(successor);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const seen = JSON.parse(stdout);
  expect(seen).toMatchObject({ withoutPin: 'PIV_PIN_REQUIRED', loggedOn: true });
  expect(seen.waitedMs).toBeLessThan(4000);
}

test.each(steps)(
  'a process is killed after the step "%s", and the next user has to give the PIN',
  async (step) => {
    const process = new Victim();
    await process.reach(step);
    await process.kill();
    await expectNextUser();
  },
);

test.each(Object.entries(instruction))(
  'a process is killed while the card processes the command "%s", and the next user has to give the PIN',
  async (_, ins) => {
    const process = new Victim();
    await process.reach('session opened');
    const arrived = slowDown(ins);
    process.goOn();
    const reached = process.reach('transaction ended').catch(() => {});
    await arrived;
    await process.kill();
    await reached;
    expect(card.faults.responseDelay).toBe(200);
    await expectNextUser();
  },
);

test('without a reset the PIN of a killed process would still be verified', async () => {
  const process = new Victim();
  await process.reach('transaction ended');
  expect(card.piv.pin.verified).toBe(true);
  await process.kill();
  expect(card.piv.pin.verified).toBe(true);
  await expectNextUser();
});
