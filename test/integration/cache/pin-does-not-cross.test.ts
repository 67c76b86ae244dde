/** A PIN that one session verified is of no use to another, whatever happens in between. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { CardBridge, type SessionContext, type Transaction } from '../../../src/index.js';
import { readCertificate, selectPiv, sign, verifyPin } from '../../../src/piv/index.js';
import { runChild } from '../../support/child.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';

const pin = '314159';
const rig = await startRig({ slots: 1 });
const piv = await insertPiv(rig, 0, { pin });
const { name } = readerAt(rig);
const digest = new Uint8Array(32).fill(7);
const anna = { id: 11, connectTime: 100n };
const bert = { id: 12, connectTime: 200n };
const isVerified = () => piv.piv.pin.verified;

beforeEach(() => piv.faults.reset());

async function logOn(card: Pick<Transaction, 'transmit' | 'exchange'>): Promise<void> {
  await selectPiv(card);
  await verifyPin(card, pin);
  expect(isVerified()).toBe(true);
}

/** The session tries to sign, and the card requires the PIN. */
async function cannotSign(session: SessionContext): Promise<void> {
  await session.transaction(name, async (card) => {
    await selectPiv(card);
    const { publicKey } = await readCertificate(card);
    await expect(sign(card, '9A', digest, publicKey)).rejects.toMatchObject({ code: 'PIV_PIN_REQUIRED' });
  });
}

const logsOnAsAnna = `
  const { CardBridge } = await import(bridge);
  const { selectPiv, verifyPin } = await import(bridge.replace('index.js', 'piv/index.js'));
  const session = await new CardBridge().openSession({ id: 11, connectTime: 100n });
  await session.transaction(${JSON.stringify(name)}, async (card) => {
    await selectPiv(card);
    await verifyPin(card, '${pin}');
  });
`;
const signsAsBert = `
  const { CardBridge } = await import(bridge);
  const { readCertificate, selectPiv, sign } = await import(bridge.replace('index.js', 'piv/index.js'));
  const session = await new CardBridge().openSession({ id: 12, connectTime: 200n });
  const outcome = await session.transaction(${JSON.stringify(name)}, async (card) => {
    await selectPiv(card);
    const { publicKey } = await readCertificate(card);
    return sign(card, '9A', new Uint8Array(32).fill(7), publicKey).then(() => 'signed', (error) => error.code);
  });
  console.log(outcome);
  process.exit(0);
`;

test.each([
  ['SIGKILL', "process.kill(process.pid, 'SIGKILL');", true],
  ['process.exit', 'process.exit(0);', false],
])('a process ends by %s, and the next process’s session cannot sign', async (_, end, leavesIt) => {
  await runChild(`${logsOnAsAnna} ${end}`);
  // After SIGKILL the PIN is still verified on the card. The next use must reset it.
  if (leavesIt) expect(isVerified()).toBe(true);
  const { stdout, stderr } = await runChild(signsAsBert);
  expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: 'PIV_PIN_REQUIRED', stderr: '' });
});

describe('within one process a PIN does not cross', () => {
  const bridge = openBridge();

  test('from a connected card to the cache, and back', async () => {
    const [first, second] = [await bridge.openSession(anna), await bridge.openSession(bert)];
    await using card = await first.connect(name);
    await logOn(card);
    await cannotSign(second);
    await second.transaction(name, logOn);
    await using own = await first.connect(name);
    await selectPiv(own);
    const { publicKey } = await readCertificate(own);
    await expect(sign(own, '9A', digest, publicKey)).rejects.toMatchObject({ code: 'PIV_PIN_REQUIRED' });
  });

  test('between two connected cards', async () => {
    const [first, second] = [await bridge.openSession(anna), await bridge.openSession(bert)];
    await using card = await first.connect(name);
    await logOn(card);
    await using _other = await second.connect(name);
    expect(isVerified()).toBe(false);
    await expect(card.transmit(Uint8Array.of(0, 0x20, 0, 0x80))).rejects.toMatchObject({
      code: 'SCARD_W_RESET_CARD',
    });
  });

  test('between two sessions whose connect time is unknown, with the same id', async () => {
    const unknown = { id: 5, connectTime: 0n };
    const [first, second] = [await bridge.openSession(unknown), await bridge.openSession(unknown)];
    await first.transaction(name, logOn);
    await second.transaction(name, (card) =>
      expect(card.lookup).toMatchObject({ fresh: true, evaluated: [] }),
    );
    await cannotSign(second);
    // The same open session finds its own card again.
    await first.transaction(name, (card) => void card);
    await first.transaction(name, (card) => expect(card.lookup?.fresh).toBe(false));
  });

  test('evicting an identity resets its card for every program', async () => {
    const session = await bridge.openSession(anna);
    await session.transaction(name, logOn);
    expect(bridge.cache.evict(anna)).toBe(1);
    await vi.waitFor(() => expect(isVerified()).toBe(false), { timeout: 5000 });
  });

  test('a disconnect with a reset is carried out behind a transmit that was aborted', async () => {
    const session = await bridge.openSession(anna);
    const card = await session.connect(name);
    await logOn(card);
    piv.faults.responseDelay = 200;
    const arrived = piv.apduCount;
    const slow = card.transmit(Uint8Array.of(0, 0x20, 0, 0x80)).catch((error) => error.code);
    await vi.waitFor(() => expect(piv.apduCount).toBe(arrived + 1), { interval: 5 });
    await card.disconnect('reset');
    expect(await slow).toBe('BRIDGE_E_CLOSED');
    piv.faults.responseDelay = 0;
    await vi.waitFor(() => expect(isVerified()).toBe(false), { timeout: 5000 });
  });
});

test('an entry that expires has its card reset for every program', async () => {
  await using bridge = new CardBridge({ maxIdle: 100 });
  const session = await bridge.openSession(anna);
  await session.transaction(name, logOn);
  await vi.waitFor(() => expect(bridge.cache.entries()).toEqual([]), { timeout: 5000 });
  await vi.waitFor(() => expect(isVerified()).toBe(false), { timeout: 5000 });
});

test('beyond maxEntries the least recently used idle entry is evicted, and its card is reset', async () => {
  await using bridge = new CardBridge({ maxEntries: 1 });
  const first = await bridge.openSession(anna);
  await first.transaction(name, logOn);
  const second = await bridge.openSession(bert);
  await second.transaction(name, () => {});
  expect(isVerified()).toBe(false);
  expect(bridge.cache.entries()).toMatchObject([{ identity: bert }]);
});

describe('a card that this process has not used yet', () => {
  const program = (query: string) => `
    const { CardBridge } = await import(bridge);
    const session = await new CardBridge().openSession(${query});
    const card = await session.connect(${JSON.stringify(name)});
    process.exit(0);
  `;

  test.each([
    ['is not reset for the process’s own session', '', true],
    ['is reset for that session if the session requires it', "{ unknownLastUser: 'reset' }", false],
    ['is reset for a session opened by identity', '{ id: 1, connectTime: 1n }', false],
    [
      'is not reset for such a session if it trusts the card',
      "{ id: 1, connectTime: 1n, unknownLastUser: 'trust' }",
      true,
    ],
  ])('%s', async (_, query, verified) => {
    // pcscd cuts the power of a card that no process is connected to. That may be between the two processes.
    await using bridge = new CardBridge();
    const session = await bridge.openSession();
    await using _connected = await session.connect(name);
    await runChild(`${logsOnAsAnna} process.kill(process.pid, 'SIGKILL');`);
    expect(isVerified()).toBe(true);
    const { code, stderr } = await runChild(program(query));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(isVerified()).toBe(verified);
  });
});
