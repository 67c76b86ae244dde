import type { CardBridge } from '../../src/index.js';
import type { CardHold } from '../../src/testing/rig/hold.js';

/** The process dies while it holds the card. */
export async function killHolder(hold: CardHold): Promise<void> {
  process.kill(hold.pid, 'SIGKILL');
  await hold.release();
}

/** Whether another process holds the card for longer than any logon does. */
export async function isHeld(bridge: CardBridge, reader: string): Promise<boolean> {
  await using session = await bridge.openSession();
  return await session
    .transaction(reader, () => {}, { timeout: 1000 })
    .then(
      () => false,
      (error: Error) => error.name === 'TimeoutError',
    );
}
