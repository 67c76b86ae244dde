/** See scripts/soak. */
import { randomInt } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { CardBridge } from '../../dist/index.js';
import { logon } from '../../dist/piv/index.js';
import { DEFAULT_PIN } from '../../dist/testing/virtual/index.js';
import { Random } from './random.mjs';
import { Setup } from './setup.mjs';
import { allowed, checkPinState, closing, operations, stuckAfter, Violation } from './users.mjs';

const { values } = parseArgs({ options: { seconds: { type: 'string' }, seed: { type: 'string' } } });
const seconds = Number(values.seconds ?? 3600);
const seed = Number(values.seed ?? randomInt(2 ** 32));
if (!(seconds > 0) || !Number.isInteger(seed)) {
  console.error('soak [--seconds N] [--seed N]');
  process.exit(2);
}
console.log(`soak: seed ${seed}, ${seconds} s`);

const slots = 4;
const sessionsPerRound = 6;
/** Memory may vary by this amount once the process is warm. */
const mostGrowth = 96 * 2 ** 20;
const random = new Random(seed);

/** The last steps, printed if a round fails. */
const steps = [];
function note(step) {
  steps.push(`${(performance.now() / 1000).toFixed(3)} ${step}`);
  if (steps.length > 60) steps.shift();
}

const faults = {
  nothing: { errors: [], run: () => {} },
  'the daemon dies': {
    errors: allowed.serviceGone,
    run: (setup) => setup.killDaemon(random.between(0, 500)),
  },
  'the daemon is stopped': { errors: [], run: (setup) => setup.stopDaemon(random.between(20, 1500)) },
  'a card is pulled': {
    errors: allowed.cardGone,
    run: (setup) => setup.pullAndInsert(random.between(0, slots - 1)),
  },
  'another process holds a card': {
    errors: [],
    run: (setup) => setup.hold(random.between(0, slots - 1), random.between(0, 500), 'ends'),
  },
  'another process dies with a card': {
    errors: [],
    run: (setup) => setup.hold(random.between(0, slots - 1), random.between(0, 300), 'dies'),
  },
  'a card is slow': {
    errors: [],
    run: (setup) => setup.slowCard(random.between(0, slots - 1), random.between(100, 800)),
  },
};

/** Fails if the promise takes longer than any operation may. */
async function bounded(what, promise) {
  const timer = new AbortController();
  const stuck = sleep(stuckAfter, undefined, { signal: timer.signal }).then(
    () => {
      throw new Violation(`${what} is stuck`);
    },
    () => {},
  );
  try {
    return await Promise.race([promise, stuck]);
  } finally {
    timer.abort();
  }
}

/** A session does one thing after another until the round is over. */
async function keepBusy(bridge, identity, session, until, expected) {
  while (performance.now() < until()) {
    const name = random.oneOf(Object.keys(operations));
    const reader = random.oneOf(expected.readers);
    const what = `session ${identity.id}: ${name} in ${reader}`;
    note(what);
    try {
      await bounded(what, operations[name](session, reader, random));
    } catch (error) {
      note(`${what}: ${error.message}`);
      const between = name === 'transmit without a transaction' ? allowed.betweenCalls : [];
      const fine = [...allowed.always, ...expected.codes, ...between];
      if (error instanceof Violation || !fine.includes(error.code)) throw new Error(what, { cause: error });
      // If the service is stopped, calls fail at once.
      await sleep(5);
    }
    if (random.next() < 0.1) bridge.cache.evict(identity);
  }
}

let nextTime = 1n;
const newIdentity = (id) => ({ id, connectTime: nextTime++ });

async function round(bridge, setup, number) {
  const name = random.oneOf(Object.keys(faults));
  note(`round ${number}: ${name}`);
  const fault = faults[name];
  let end = Number.POSITIVE_INFINITY;
  const expected = { codes: fault.errors, readers: setup.rig.readers.slice(0, slots).map((one) => one.name) };
  const users = Array.from({ length: sessionsPerRound }, (_, id) => {
    const identity = newIdentity(id + 1);
    return closing(bridge.openSession(identity), (session) =>
      keepBusy(bridge, identity, session, () => end, expected),
    );
  });
  const whole = Promise.all(users);
  whole.catch(() => {});
  await sleep(random.between(100, 800));
  await bounded(name, Promise.race([Promise.resolve(fault.run(setup)), whole]));
  note(`round ${number}: healed`);
  end = performance.now() + random.between(100, 800);
  await bounded('the end of a round', whole);
  // Each card works, for a new session and for another process, and its PIN is no longer verified.
  for (let slot = 0; slot < slots; slot++) {
    const reader = setup.reader(slot);
    await bounded('the check', checkPinState(bridge, newIdentity(100), reader));
    const use = (session) => session.transaction(reader, (tx) => logon(tx, DEFAULT_PIN), { timeout: 8000 });
    await bounded('the logon after', closing(bridge.openSession(newIdentity(101)), use));
    await bounded('another process', setup.hold(slot, 0, 'ends'));
  }
  if (bridge.cache.entries().length > 0) throw new Violation('entries are left in the cache');
}

const usage = (bridge) => ({
  descriptors: readdirSync('/proc/self/fd').length,
  threads: readdirSync('/proc/self/task').length,
  contexts: bridge.stats().process.contexts,
});

/** Waits until no resource is used more than before; returns the excess otherwise. */
async function growthSince(before, bridge) {
  for (const end = performance.now() + 15_000; ; ) {
    const now = usage(bridge);
    const more = Object.keys(before).filter((what) => now[what] > before[what]);
    if (more.length === 0) return undefined;
    if (performance.now() > end)
      return more.map((what) => `${what}: ${before[what]}, then ${now[what]}`).join('; ');
    await sleep(50);
  }
}

function memory() {
  globalThis.gc?.();
  return process.memoryUsage().rss;
}

const setup = await Setup.start(slots);
const bridge = new CardBridge();
const deadline = performance.now() + seconds * 1000;
let passed = 0;
let failed = 0;
let atStart;
let memoryAtStart = 0;
const terminal = process.stdout.isTTY;
while (performance.now() < deadline || passed + failed === 0) {
  const number = passed + failed + 1;
  try {
    await round(bridge, setup, number);
    const growth = atStart && (await growthSince(atStart, bridge));
    if (growth) throw new Violation(`more than before: ${growth}`);
    // The first rounds load code and start the threads of Node.
    if (number === 3) atStart = usage(bridge);
    if (number === 10) memoryAtStart = memory();
    passed += 1;
  } catch (error) {
    failed += 1;
    console.log(`failed: soak: round ${number} with seed ${seed}:`, error);
    console.log(steps.map((step) => `  ${step}`).join('\n'));
    // The leftovers of a failed round would make the next ones fail.
    break;
  }
  if (terminal) process.stdout.write(`\rsoak: ${passed} rounds passed`);
}
if (terminal) process.stdout.write('\n');
const growth = memoryAtStart > 0 ? memory() - memoryAtStart : 0;
if (growth > mostGrowth) {
  failed += 1;
  console.log(`failed: soak: the memory has grown by ${Math.round(growth / 2 ** 20)} MB`);
}
await bridge.close();
await setup.strike();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
