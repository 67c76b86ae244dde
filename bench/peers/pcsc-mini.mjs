// pcsc-mini: sees four readers at most; the only other one with transactions.
import { readFileSync } from 'node:fs';
import { CardDisposition, CardMode, Client } from 'pcsc-mini';

const about = new URL('node_modules/pcsc-mini/package.json', import.meta.url);
const client = new Client();
client.on('error', () => {});
client.start();

export const adapter = {
  version: JSON.parse(readFileSync(about, 'utf8')).version,
  async open(name) {
    const until = performance.now() + 2000;
    while (!client.reader(name)) {
      if (performance.now() > until) throw new Error('does not see this reader (it sees four)');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const card = await client.reader(name).connect(CardMode.SHARED);
    let transaction;
    return {
      transmit: (apdu) =>
        apdu.length > 5 && apdu[4] === 0 ? card.transmit(apdu, new ArrayBuffer(65538)) : card.transmit(apdu),
      begin: async () => {
        transaction = await card.transaction();
      },
      end: async () => {
        await transaction.end(CardDisposition.LEAVE);
      },
    };
  },
};
