/**
 * A desktop agent: watches the readers and logs a user on with PIV when a card comes. It survives cards that are
 * pulled, readers that are unplugged, and a smart card service that dies and comes back.
 *
 *   PCSC_BRIDGE_PIN=123456 node examples/desktop-agent.mjs
 *
 * Without a reader, with virtual ones:
 *
 *   npx pcsc-bridge rig -- env PCSC_BRIDGE_PIN=123456 node examples/desktop-agent.mjs
 *
 * SIGTERM or Ctrl-C ends it.
 */
import { CardBridge } from 'pcsc-bridge';
import { logon, PivPinError } from 'pcsc-bridge/piv';

// An agent with a window asks for it there, and before the transaction: nobody else gets the card meanwhile.
let pin = process.env['PCSC_BRIDGE_PIN'];

const bridge = new CardBridge();
const session = await bridge.openSession();
/** @type {Map<string, AbortController>} By reader: ends the logon that is under way. */
const logons = new Map();

/** @type {import('pcsc-bridge').ReaderWatch} */
let watch;
let stopping = false;
function stop() {
  stopping = true;
  watch?.close();
}
// Not `once`: a second signal, as from a terminal and a parent process at once, would kill us in the middle of it.
process.on('SIGTERM', stop);
process.on('SIGINT', stop);

while (!stopping) {
  watch = session.watch();
  for await (const event of watch) {
    if (event.type === 'card-inserted') {
      console.log(`${event.reader}: card inserted`);
      const cancel = new AbortController();
      logons.set(event.reader, cancel);
      void logOn(event.reader, cancel.signal);
    } else if (event.type === 'card-removed') {
      logOff(event.reader, 'card removed');
    } else if (event.type === 'service-lost') {
      console.log(`the smart card service is away: ${event.error.code}`);
      for (const reader of logons.keys()) logOff(reader, 'nobody knows what is in the reader');
    } else if (event.type === 'service-restored') {
      console.log('the smart card service is back');
      // A new watch begins with what is there, as if it had just come.
      break;
    }
  }
}
for (const reader of logons.keys()) logOff(reader, 'the agent ends');
await bridge.close();
console.log('ended');

/**
 * @param {string} reader
 * @param {AbortSignal} signal
 */
async function logOn(reader, signal) {
  if (pin === undefined) return console.log(`${reader}: no PIN, nobody is logged on`);
  const known = pin;
  try {
    const { subject, durationMs } = await session.transaction(
      reader,
      // A card that stops answering keeps nobody waiting for longer than that.
      (card) => logon({ transmit: (apdu) => card.transmit(apdu, { signal, timeout: 10_000 }) }, known),
      // Others may have the card: so long we wait. The reset at the end takes the verified PIN along.
      { signal, timeout: 30_000, disposition: 'reset' },
    );
    if (!signal.aborted) console.log(`${reader}: ${subject} logged on in ${durationMs.toFixed()} ms`);
  } catch (error) {
    if (signal.aborted) return;
    // Once is enough: with each card that comes, or comes back, the next try would be spent.
    if (error instanceof PivPinError) pin = undefined;
    console.log(`${reader}: no logon: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * @param {string} reader
 * @param {string} why
 */
function logOff(reader, why) {
  logons.get(reader)?.abort();
  if (logons.delete(reader)) console.log(`${reader}: logged off, ${why}`);
}
