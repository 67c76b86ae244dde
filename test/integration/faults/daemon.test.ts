/** Faults of pcscd, of the card and of the reader at each request of a logon: a line per combination. */
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, expect, test, vi } from 'vitest';
import type { SessionContext, Transaction, WaitOptions } from '../../../src/index.js';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { PivApplet, PivCard } from '../../../src/testing/virtual/index.js';
import { type HeldRequest, PcscdProxy } from '../../support/pcscd-proxy.js';
import { selectPiv, send, sign, verifyPin } from '../../support/piv-host.js';
import { descriptors, threads } from '../../support/process.js';
import { openBridge, readerAt, startRig, takeOut } from '../../support/rig.js';
import { type Code, codes, documented } from './documented-codes.js';
import { type Fault, faults, lines, look, type Way } from './steps.js';

const rig = await startRig({ slots: 2 });
const proxy = await PcscdProxy.start(join(rig.directory, 'proxy'), rig.socket);
afterAll(() => proxy.close());
process.env['PCSCLITE_CSOCK_NAME'] = proxy.socket;
const { name: reader, port } = readerAt(rig);
const applet = await PivApplet.create();
let card = await PivCard.insertPiv({ port }, applet);
afterAll(() => card.remove());

const bridge = openBridge();
// An earlier user: its session keeps a cached card and a watch through all faults.
const before = await bridge.openSession({ id: 1, connectTime: 1n });
const watch = before.watch();
const events: string[] = [];
void (async () => {
  for await (const { type } of watch) events.push(type);
})();

/** No healthy step takes longer than this, even if the machine is busy. */
const patience = 5000;
/** For the faults that last until the timeout. */
const impatience = 300;

const slotsNumber = 0x0fae;
const featureRequest = 0x4200_0d48;

/** True if the card has signed and its certificate verifies the signature. */
async function logOn(session: SessionContext, way: Way, timeout = patience): Promise<boolean> {
  const options: WaitOptions = { timeout };
  const use = async (tx: Transaction) => {
    const limited = { transmit: (apdu: Uint8Array) => tx.transmit(apdu, options) };
    if (way === 'own') {
      await tx.status(options);
      await tx.getAttribute(slotsNumber, options);
      // vpcd has no control codes.
      await tx.control(featureRequest, undefined, options).catch((error) => {
        if (error.code !== 'SCARD_E_UNSUPPORTED_FEATURE') throw error;
      });
    }
    await send(limited, selectPiv);
    expect((await send(limited, verifyPin())).sw).toBe(0x9000);
    return (await sign(limited, card.piv.certificate)).verified;
  };
  if (way !== 'own') return session.transaction(reader, use, options);
  // It stays connected until its session is closed.
  const own = await session.connect(reader, options);
  return own.transaction(use, options);
}

/** The status word of a signature for which this session has given no PIN. */
function signWithoutPin(session: SessionContext): Promise<number> {
  return session.transaction(
    reader,
    async (tx) => {
      await send(tx, selectPiv);
      return (await sign(tx, undefined)).sw;
    },
    { timeout: patience },
  );
}

/** Resources in use while nothing is in progress. */
const counts = () => ({
  descriptors: descriptors(),
  connections: proxy.links,
  contexts: bridge.stats().process.contexts,
  entries: bridge.cache.entries().length,
});

/** The session before has logged on, and the watch works. */
async function settle(): Promise<void> {
  proxy.forget();
  expect(await logOn(before, 'first')).toBe(true);
  await before.listReaders();
  await vi.waitFor(() => expect(counts()).toMatchObject({ connections: 3, contexts: 3 }), {
    timeout: patience,
    interval: 2,
  });
}

const heal: Partial<Record<Fault | Code, () => Promise<void> | void>> = {
  killed: () => proxy.revive(),
  stopped: () => proxy.resume(),
  'reader pulled': () => {
    proxy.readersGone = false;
  },
  'card pulled': async () => {
    card = await PivCard.insertPiv({ port }, applet);
  },
};

let release: (() => void) | undefined;

/** Ends the fault. */
async function recover(fault: Fault | Code): Promise<void> {
  release?.();
  release = undefined;
  await heal[fault]?.();
}

async function expectRest(): Promise<void> {
  await settle();
  await vi.waitFor(() => expect(counts()).toEqual(atRest), { timeout: patience, interval: 2 });
  expect(threads()).toBeLessThanOrEqual(threadsAtRest);
}

function meet(fault: Fault | Code, request: HeldRequest): void | Promise<void> {
  switch (fault) {
    case 'late':
      return setTimeout(30).then(() => request.pass());
    case 'in pieces':
      return request.passInPieces();
    case 'torn':
      return request.passAndTear();
    case 'cut':
      return request.cut();
    case 'killed':
      return proxy.kill();
    case 'stopped':
      proxy.stop();
      return request.pass();
    case 'never':
      // A call that completes late is undone.
      release = () => request.pass();
      return;
    case 'card pulled':
      return takeOut(card).then(() => request.pass());
    case 'reader pulled':
      proxy.readersGone = true;
      return request.pass();
    default:
      return request.refuse(codes[fault]);
  }
}

await settle();
await settle();
const atRest = counts();
const threadsAtRest = threads();
let id = 1;

/** Another session and another process get the card, and a PIN that was verified before is forgotten. */
async function expectFreeCard(other: SessionContext): Promise<void> {
  expect(await signWithoutPin(other)).toBe(0x6982);
  expect(await logOn(other, 'own')).toBe(true);
  await (await CardHold.start(reader)).release();
}

/** A process that has met no holder for a minute skips the check. */
async function meetHolder(session: SessionContext): Promise<void> {
  const holder = await CardHold.start(reader);
  await expect(session.transaction(reader, () => {}, { timeout: 20 })).rejects.toThrow('did not end within');
  await holder.release();
}

test(`the table has each of ${Object.keys(faults).length} faults and each documented code`, () => {
  expect(new Set(lines.map(({ title }) => title)).size).toBe(lines.length);
  expect(lines.length).toBeGreaterThan(300);
});

test.each(lines.map((line) => [line.title, line] as const))('%s', async (_, { step, fault, outcome }) => {
  await settle();
  id += 1;
  await using session = await bridge.openSession({ id, connectTime: 1n });
  await using other = await bridge.openSession({ id: 1_000_000 + id, connectTime: 1n });
  if (step.way === 'again') expect(await logOn(session, 'first')).toBe(true);
  if (step.name === look) await meetHolder(session);

  const met = new Promise<void>((resolve) => {
    proxy.at(step.command, step.skip, (request) => {
      resolve();
      return meet(fault, request);
    });
  });
  const waits = fault === 'stopped' || fault === 'never';
  const attempt = logOn(session, step.way, waits ? impatience : patience);
  const ended = attempt.then(
    (verified) => (verified ? 'goes on' : 'the signature is wrong'),
    ({ name, code, operation }) => ({ name, code, operation }),
  );
  await Promise.race([met, ended]);
  expect(proxy.rulesLeft).toBe(0);
  await ended;
  await recover(fault);
  expect(await ended).toEqual(outcome);

  expect(await logOn(session, 'first')).toBe(true);
  await expectFreeCard(other);
  await Promise.all([session.close(), other.close()]);
  await expectRest();
});

const ofDisconnect = [...(Object.keys(faults) as Fault[]), ...documented.SCardDisconnect];

test.each(
  ofDisconnect.map(
    (fault) => [fault in faults ? faults[fault as Fault] : `is answered with ${fault}`, fault] as const,
  ),
)('an evicted card whose disconnect %s is reset and free', async (_, fault) => {
  await settle();
  id += 1;
  await using session = await bridge.openSession({ id, connectTime: 1n });
  await using other = await bridge.openSession({ id: 1_000_000 + id, connectTime: 1n });
  expect(await logOn(session, 'first')).toBe(true);

  const met = new Promise<void>((resolve) => {
    proxy.at('disconnect', 0, (request) => {
      resolve();
      return meet(fault, request);
    });
  });
  expect(bridge.cache.evict({ id, connectTime: 1n })).toBe(1);
  await met;
  expect(proxy.rulesLeft).toBe(0);
  await recover(fault);

  expect(await signWithoutPin(session)).toBe(0x6982);
  await expectFreeCard(other);
  await Promise.all([session.close(), other.close()]);
  await expectRest();
});

const ofConnection = ['late', 'in pieces', 'torn', 'cut', 'killed', 'stopped', 'never'] as const;
const ends = ['torn', 'cut', 'killed'];

test.each(ofConnection.map((fault) => [faults[fault], fault] as const))(
  'listing readers, if its request %s, ends with the right error or continues',
  async (_, fault) => {
    await settle();
    proxy.at('table', 0, (request) => meet(fault, request));
    const waits = fault === 'stopped' || fault === 'never';
    const ended = before.listReaders({ timeout: waits ? impatience : patience }).then(
      (readers) => readers.includes(reader),
      ({ code, operation }) => ({ code, operation }),
    );
    await ended;
    expect(proxy.rulesLeft).toBe(0);
    await recover(fault);
    // A connection that has ended is opened anew.
    const lost = { code: 'SCARD_E_NO_SERVICE', operation: 'SCardEstablishContext' };
    const late = { code: 'TIMEOUT_ERR', operation: 'SCardListReaders' };
    expect(await ended).toEqual(waits ? late : fault === 'killed' ? lost : true);
    await expectRest();
  },
);

test.each(ofConnection.map((fault) => [faults[fault], fault] as const))(
  'a watch, if its request %s, reports that the service is lost and restored, or continues',
  async (_, fault) => {
    await settle();
    events.length = 0;
    const met = new Promise<void>((resolve) => {
      proxy.at('watch', 0, (request) => {
        resolve();
        return meet(fault, request);
      });
    });
    // A card comes, and the watch asks for the next change.
    const another = await PivCard.insertPiv({ port: readerAt(rig, 1).port }, applet);
    await met;
    if (fault === 'stopped' || fault === 'never') await setTimeout(impatience);
    if (ends.includes(fault)) await vi.waitFor(() => expect(events).toContain('service-lost'));
    await recover(fault);
    await takeOut(another);
    if (ends.includes(fault)) {
      await vi.waitFor(() => expect(events).toContain('service-restored'), { timeout: patience });
    } else {
      await settle();
      expect(events).not.toContain('service-lost');
    }
    await expectRest();
  },
);

test('pcsc-holder, if another program resets the card before its transaction, connects again and holds it', async () => {
  await settle();
  proxy.at('begin', 0, (request) => request.refuse(codes.SCARD_W_RESET_CARD));
  await using holder = await CardHold.start(reader);
  expect(proxy.rulesLeft).toBe(0);
  await holder.release();
  await expectRest();
});

test('a card whose reader has come back as another one (SCARD_E_INVALID_VALUE) is connected again', async () => {
  await settle();
  await using own = await before.connect(reader);
  proxy.at('transmit', 0, (request) => request.refuse(codes.SCARD_E_INVALID_VALUE));
  await expect(own.transmit(selectPiv)).rejects.toMatchObject({ code: 'SCARD_E_INVALID_VALUE' });
  expect((await send(own, selectPiv)).sw).toBe(0x9000);
  await own.close();
  await expectRest();
});
