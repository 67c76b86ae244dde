/** What the Web Smart Card API costs over the library's own. */
import { CardBridge } from 'pcsc-bridge';
import { smartCard } from 'pcsc-bridge/web';
import { now } from '../clock.js';
import { fromHex } from './commands.js';
import type { Commands } from './serve.js';

export function webCommands(readers: readonly string[]): Commands {
  return {
    /**
     * Microseconds of COUNT pairs of transmits to the card of reader 0: one by `card.transmit`, one by
     * `connection.transmit`, in changing order.
     */
    'web-pairs': async (count, hex) => {
      const apdu = fromHex(hex as string);
      const reader = readers[0] as string;
      const context = await smartCard.establishContext();
      const { connection } = await context.connect(reader, 'shared', { preferredProtocols: ['t0', 't1'] });
      await using bridge = new CardBridge();
      const session = await bridge.openSession();
      const card = await session.connect(reader, { onReset: 'reconnect' });
      const us = async (transmit: () => Promise<unknown>) => {
        const start = now();
        await transmit();
        return (now() - start) * 1000;
      };
      const byFacade = () => us(() => card.transmit(apdu));
      const byWeb = () => us(() => connection.transmit(apdu));
      const pairs: { facade: number; web: number }[] = [];
      for (let i = 0; i < Number(count); i++) {
        if (i % 2 === 0) {
          const facade = await byFacade();
          pairs.push({ facade, web: await byWeb() });
        } else {
          const web = await byWeb();
          pairs.push({ facade: await byFacade(), web });
        }
      }
      await connection.disconnect();
      return { facade: pairs.map(({ facade }) => facade), web: pairs.map(({ web }) => web) };
    },
  };
}
