// smartcard: a context of its own for each card, which its documentation leaves to the user.
import { readFileSync } from 'node:fs';
import { Context, SCARD_PROTOCOL_T0, SCARD_PROTOCOL_T1, SCARD_SHARE_SHARED } from 'smartcard';

const about = new URL('node_modules/smartcard/package.json', import.meta.url);

export const adapter = {
  version: JSON.parse(readFileSync(about, 'utf8')).version,
  async open(name) {
    const context = new Context();
    const reader = context.listReaders().find((candidate) => candidate.name === name);
    const card = await reader.connect(SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1);
    return {
      context, // or it is collected
      transmit: (apdu) =>
        card.transmit(
          Buffer.from(apdu),
          apdu.length > 5 && apdu[4] === 0 ? { maxRecvLength: 65538 } : undefined,
        ),
    };
  },
};
