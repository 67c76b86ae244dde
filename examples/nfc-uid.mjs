/**
 * Prints the UID of each contactless card that is placed on a reader, as most programs that use nfc-pcsc do.
 *
 *   node examples/nfc-uid.mjs
 *
 * Ctrl-C ends it. docs/migration.md has the same program with nfc-pcsc.
 */
import { CardBridge } from 'pcsc-bridge';
import { toHex } from 'pcsc-bridge/apdu';
import { readUid } from 'pcsc-bridge/contactless';

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
    return toHex(await session.transaction(reader, (card) => readUid(card), { timeout: 2000 }));
  } catch (error) {
    // The reader may be no contactless one, and the card may already have been removed.
    return `not read: ${error instanceof Error ? error.message : error}`;
  }
}
