/**
 * A desktop agent. It watches the readers and logs a user on with PIV when a card is inserted. It recovers from removed
 * cards, unplugged readers, and a restart of the smart card service.
 *
 *   PCSC_BRIDGE_PIN=123456 node examples/desktop-agent.mjs
 *
 * Without a real reader, use virtual ones:
 *
 *   npx pcsc-bridge rig -- env PCSC_BRIDGE_PIN=123456 node examples/desktop-agent.mjs
 *
 * SIGTERM or Ctrl-C ends it.
 */
import { CardBridge } from 'pcsc-bridge';
import { logon, PivPinError } from 'pcsc-bridge/piv';

// An agent with a window asks for the PIN there, before the transaction, which blocks other programs.
let pin = process.env['PCSC_BRIDGE_PIN'];

const bridge = new CardBridge();
const session = await bridge.openSession();
/** @type {Map<string, AbortController>} Aborts the pending logon at a reader. */
const logons = new Map();

/** @type {import('pcsc-bridge').ReaderWatch} */
let watch;
let stopping = false;
function stop() {
  stopping = true;
  watch?.close();
}
// Not `once`: a second signal, from the terminal or a parent process, would kill the agent during cleanup.
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
      for (const reader of logons.keys()) logOff(reader, 'the contents of the reader are unknown');
    } else if (event.type === 'service-restored') {
      console.log('the smart card service is back');
      // A new watch first reports the current cards, as if they had just been inserted.
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
  if (pin === undefined) return console.log(`${reader}: no PIN, no logon`);
  const known = pin;
  try {
    const { subject, durationMs } = await session.transaction(
      reader,
      // This timeout limits the wait for a card that stops answering.
      (card) => logon({ transmit: (apdu) => card.transmit(apdu, { signal, timeout: 10_000 }) }, known),
      // This timeout limits the wait for other programs. After the reset at the end, the PIN is no longer verified.
      { signal, timeout: 30_000, disposition: 'reset' },
    );
    if (!signal.aborted) console.log(`${reader}: ${subject} logged on in ${durationMs.toFixed()} ms`);
  } catch (error) {
    if (signal.aborted) return;
    // Forget a wrong PIN. Otherwise each inserted card would spend another try.
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
