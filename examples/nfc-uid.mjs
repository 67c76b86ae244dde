/**
 * Prints the UID of each contactless card that is placed on a reader, as most programs that use nfc-pcsc do.
 *
 *   node examples/nfc-uid.mjs
 *
 * Ctrl-C ends it. docs/migration.md has the same program with nfc-pcsc.
 */
import { CardBridge } from 'pcsc-bridge';
import { ResponseApdu, toHex } from 'pcsc-bridge/apdu';

/** GET DATA for the UID (PC/SC part 3, 3.2.2.1.3). The reader itself answers this command, for any card. */
const GET_UID = Uint8Array.of(0xff, 0xca, 0x00, 0x00, 0x00);

const bridge = new CardBridge();
const session = await bridge.openSession();
const watch = session.watch();
process.on('SIGINT', () => watch.close());

for await (const event of watch) {
  switch (event.type) {
    case 'reader-added':
      console.log(`${event.reader}: attached`);
      break;
    case 'card-inserted':
      console.log(`${event.reader}: card ${await uidOf(event.reader)}`);
      break;
    case 'card-removed':
      console.log(`${event.reader}: card removed`);
      break;
    case 'reader-removed':
      console.log(`${event.reader}: removed`);
      break;
  }
}
await bridge.close();

/** @param {string} reader */
async function uidOf(reader) {
  try {
    // `transmit`, not `exchange`: class FF is for the reader and is not a class of ISO 7816-4.
    const bytes = await session.transaction(reader, (card) => card.transmit(GET_UID), { timeout: 2000 });
    const response = ResponseApdu.parse(bytes);
    return response.ok ? toHex(response.data) : `without UID: ${response.meaning}`;
  } catch (error) {
    // The card may already have been removed.
    return `not read: ${error instanceof Error ? error.message : error}`;
  }
}
