/** A PIV logon through a broker agent: its card cache and transaction, our side of PIV. */
import type { SessionIdentity } from '../../../index.js';
import { logon } from '../../../piv/index.js';
import type { Acquired, BrokerAgent } from './agent.js';

/** Longer than any card is held in the scenario, so that only a card that never comes back ends it. */
const longestWait = 660_000;
/** For a card's answer, in milliseconds. */
const commandTime = 60_000;

/** `found` is told how the card was found. What fails resets the card. */
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
    // The logon's error is the one to tell.
    await broker.end(lease, 'reset').catch(() => {});
    throw error;
  }
  await broker.end(lease);
}
