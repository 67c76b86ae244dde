/**
 * Waits until pcscd has noticed that a reader slot is empty.
 *
 * pcscd's polling thread checks every slot for a card, then sleeps for 400 ms. Only this thread reports a removal to
 * clients. But a client that resets a card causes a presence check too, and vpcd accepts a new card at any check. So a
 * card that is inserted between a client's check and the next poll is taken for the old card, and never powered.
 *
 * A check asks the card for its ATR, so the card knows of all checks while its link is up. If the reader sent nothing
 * for one period of the polls before a check, the check is a poll.
 */
import { setTimeout } from 'node:timers/promises';
import { type LinkAddress, type LinkHandler, VpcdLink } from './link.js';

/** PCSCLITE_STATUS_POLL_RATE, less the time by which a message may arrive late. */
const POLL_PERIOD_MS = 390;

/**
 * To power off a card that no client uses, the polling thread checks for the card just before its poll. The poll that
 * follows (0.1 ms later, 8 ms as measured on a busy host) must not find the next card either. The next card loses no
 * time: it is accepted only at the poll after that.
 */
const PASS_MS = 100;

/**
 * Waits for the poll that finds the slot empty. Resolves also if no reader listens any more, or if `limit` aborts.
 *
 * @param link - The link of the card that was in the slot; it has ended.
 */
export async function untilPolled(link: VpcdLink, address: LinkAddress, limit: AbortSignal): Promise<void> {
  let { checkedAt } = link;
  while (checkedAt === undefined || checkedAt - link.quietSince < POLL_PERIOD_MS) {
    const probe = await nextCheck(address, limit);
    if (probe === undefined || limit.aborted) return;
    checkedAt = probe.checkedAt;
  }
  await setTimeout(PASS_MS);
}

/**
 * Waits for the next presence check by a connection that ends at once. vpcd accepts it at the check, meets its end
 * instead of an ATR, and reports that there is no card.
 *
 * @returns undefined if no reader listens at the address.
 */
function nextCheck(address: LinkAddress, limit: AbortSignal): Promise<VpcdLink | undefined> {
  return new Promise((resolve) => {
    let probe: VpcdLink | undefined;
    const handler: LinkHandler = {
      powerOn() {},
      powerOff() {},
      reset() {},
      atr: () => new Uint8Array(0),
      apdu() {},
      closed: () => resolve(probe),
    };
    VpcdLink.connect(address, handler, limit).then(
      (link) => {
        probe = link;
        link.close();
      },
      () => resolve(undefined),
    );
  });
}
