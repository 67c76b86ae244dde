/**
 * Ends workers in the middle of their calls (see ended-worker.mjs) and measures how long the card stays unavailable
 * after that, for this thread and for another process. Each reader has one round after another; the readers run
 * concurrently.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

const { root, readers, path, ending, calls, rounds, limit, holder } = JSON.parse(process.argv[2]);
const { CardBridge } = await import(`${root}dist/index.js`);
const { ResponseApdu } = await import(`${root}dist/apdu/index.js`);
const { VirtualCard } = await import(`${root}dist/testing/virtual/index.js`);

const aid = Uint8Array.of(0xf0, 0x53, 0x4c, 0x4f, 0x57);
const select = Uint8Array.of(0x00, 0xa4, 0x04, 0x00, aid.length, ...aid);
const slow = Uint8Array.of(0x00, 0x10, 0x00, 0x00);
/** Milliseconds that the card takes for its command. */
const slowness = 100;
const bridge = new CardBridge();
const session = await bridge.openSession();

/** Rejects if the promise takes too long, so that a hang is reported by name. */
async function within(what, promise) {
  const late = new AbortController();
  const limited = setTimeout(limit, undefined, { signal: late.signal }).then(() => {
    throw new Error(`${what} took longer than ${limit} ms`);
  });
  limited.catch(() => {});
  try {
    return await Promise.race([promise, limited]);
  } finally {
    late.abort();
  }
}

/**
 * Another process that holds the card; resolves once it does. If the card is reset while the process begins, plain
 * PC/SC reports an error and the process has to connect again. That is not the fault that this program looks for.
 */
async function hold(reader) {
  const end = performance.now() + limit;
  for (;;) {
    const child = spawn(holder, [reader], { timeout: limit, killSignal: 'SIGKILL' });
    const exited = once(child, 'exit');
    let complaint = '';
    child.stderr.on('data', (data) => {
      complaint += data;
    });
    const [first] = await Promise.race([once(child.stdout, 'data'), once(child, 'close')]);
    if (String(first) === 'held\n') {
      return async () => {
        child.stdin.end();
        await exited;
      };
    }
    if (!/SCARD_W_RESET_CARD|SCARD_E_PROTO_MISMATCH/.test(complaint) || performance.now() > end) {
      throw new Error(`another process does not get the card within ${limit} ms: ${complaint}`);
    }
  }
}

async function otherProcess(reader) {
  const release = await hold(reader);
  await release();
}

async function thisThread(reader) {
  await session.transaction(reader, (tx) => tx.transmit(select), { timeout: limit });
}

/** Milliseconds until each of the two has had the card; the first one comes first. */
async function measure(reader, first, second) {
  const start = performance.now();
  await first(reader);
  await second(reader);
  return performance.now() - start;
}

async function endOf(worker) {
  // Not events.once, which rejects where the worker throws.
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  if (ending === 'terminate') worker.terminate();
  else worker.postMessage('end');
  const code = await within("the worker's end", exited);
  const expected = ending === 'exit' ? 3 : 1;
  if (code !== expected) throw new Error(`the worker ended with ${code}, not ${expected}`);
}

async function round({ name: reader, applet }, call, number) {
  const worker = new Worker(new URL('ended-worker.mjs', import.meta.url), {
    workerData: { root: `${root}dist/index.js`, reader, path, call, ending, select, slow },
  });
  const failed = new Promise((_, reject) => {
    worker.on('error', (error) => error.message !== 'on purpose' && reject(error));
  });
  failed.catch(() => {});
  const said = async (word) => {
    const message = await within(
      `the worker's word "${word}"`,
      Promise.race([once(worker, 'message').then(([message]) => message), failed]),
    );
    if (message !== word) throw new Error(`the worker said ${message}, not ${word}`);
  };
  const waits = ['lookup', 'connect', 'begin'].includes(call);
  const early = ['lookup', 'connect'].includes(call);
  const prepared = said('prepared');
  prepared.catch(() => {});
  let release = early ? await hold(reader) : undefined;
  try {
    await prepared;
    if (waits && !early) release = await hold(reader);
    const underWay =
      waits || call === 'end'
        ? said('calls')
        : within('the command', Promise.race([applet.arrives(), failed]));
    worker.postMessage('go');
    await underWay;
    await endOf(worker);
  } finally {
    await release?.();
  }
  const order = number % 2 === 0 ? [thisThread, otherProcess] : [otherProcess, thisThread];
  return measure(reader, ...order);
}

/** An applet that reports when its slow command has arrived. */
class SlowApplet {
  aid = aid;
  #arrived = () => {};
  arrives() {
    return new Promise((resolve) => {
      this.#arrived = resolve;
    });
  }
  async process() {
    this.#arrived();
    await setTimeout(slowness);
    return ResponseApdu.ok();
  }
}

const results = [];
let next = 0;
async function lane({ name, port }) {
  const applet = new SlowApplet();
  const card = await VirtualCard.insert({ port, applets: [applet] });
  while (next < rounds) {
    const number = next++;
    const call = calls[number % calls.length];
    try {
      results.push({ call, ms: Math.round(await round({ name, applet }, call, number)) });
    } catch (error) {
      results.push({ call, ms: null, error: String(error) });
      next = rounds;
    }
  }
  await card.remove();
}
await Promise.all(readers.map(lane));
console.log(JSON.stringify(results));
process.exit(0);
