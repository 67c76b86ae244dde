// nfc-pcsc: connects by itself when it sees a card. Its processing of NFC tags is switched off.
import { readFileSync } from 'node:fs';
import { NFC } from 'nfc-pcsc';

const about = new URL('node_modules/nfc-pcsc/package.json', import.meta.url);
const readers = new Map();
const nfc = new NFC();
nfc.on('error', () => {});
nfc.on('reader', (reader) => {
  reader.autoProcessing = false;
  reader.on('error', () => {});
  readers.set(reader.name, reader);
});

export const adapter = {
  version: JSON.parse(readFileSync(about, 'utf8')).version,
  async open(name) {
    while (!readers.get(name)?.connection) await new Promise((resolve) => setTimeout(resolve, 10));
    const reader = readers.get(name);
    return {
      transmit: (apdu) => reader.transmit(Buffer.from(apdu), apdu.length > 5 && apdu[4] === 0 ? 65538 : 258),
    };
  },
};
