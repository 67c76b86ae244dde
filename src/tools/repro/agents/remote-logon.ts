/** A PIV logon through a broker agent: its card cache and transaction, with this program's PIV code. */
import type { SessionIdentity } from '../../../index.js';
import { logon } from '../../../piv/index.js';
import type { Acquired, BrokerAgent } from './agent.js';

/** Longer than any hold of the scenario, so that it only expires for a card that is never released. */
const longestWait = 660_000;
/** For a card's answer, in milliseconds. */
const commandTime = 60_000;

/** Calls `found` with the result of the lookup. If the logon fails, the card is reset. */
export async function remoteLogon(
  broker: BrokerAgent,
  who: { identity: SessionIdentity; reader: string; pin: string },
  found: (acquired: Acquired) => void,
  signal?: AbortSignal,
): Promise<void> {
  const acquired = await broker.acquire(who.identity, who.reader, { timeout: longestWait, signal });
  const { lease } = acquired;
  found(acquired);
  try {
    const wait = { timeout: commandTime, signal };
    await logon({ transmit: (apdu) => broker.exchange(lease, apdu, wait) }, who.pin);
  } catch (error) {
    // Report the logon's error.
    await broker.end(lease, 'reset').catch(() => {});
    throw error;
  }
  await broker.end(lease);
}
