/**
 * Prints the fingerprint of the certificate of each PIV card that is inserted. It uses only navigator.smartCard, and so
 * runs in an Isolated Web App of Chrome as well, as a module script.
 *
 *   node --import pcsc-bridge/web/register examples/web-smart-card.mjs
 *
 * Ctrl-C ends it.
 */
const PNP_NOTIFICATION = String.raw`\\?PnP?\Notification`;
const SELECT_PIV = Uint8Array.of(0x00, 0xa4, 0x04, 0x00, 0x05, 0xa0, 0x00, 0x00, 0x03, 0x08, 0x00);
const GET_CERTIFICATE = Uint8Array.of(0x00, 0xcb, 0x3f, 0xff, 0x05, 0x5c, 0x03, 0x5f, 0xc1, 0x05, 0x00);
const GET_RESPONSE = [0x00, 0xc0, 0x00, 0x00];

// A context runs one operation at a time: the one that waits for readers cannot be used for cards.
const waiting = await navigator.smartCard.establishContext();
const cards = await navigator.smartCard.establishContext();

/** @type {Map<string, import('pcsc-bridge/web').SmartCardReaderStateIn>} */
const known = new Map([[PNP_NOTIFICATION, { readerName: PNP_NOTIFICATION, currentState: {} }]]);
for (;;) {
  const names = await waiting.listReaders();
  for (const readerName of names) {
    if (!known.has(readerName)) known.set(readerName, { readerName, currentState: { unaware: true } });
  }
  for (const state of await waiting.getStatusChange([...known.values()])) {
    const { readerName, eventState, eventCount } = state;
    const { changed, unknown, unavailable, ...currentState } = eventState;
    known.set(readerName, { readerName, currentState, currentCount: eventCount });
    if (unknown || unavailable) {
      known.delete(readerName);
      console.log(`${readerName}: removed`);
    } else if (changed && readerName !== PNP_NOTIFICATION) {
      const found = currentState.present ? await fingerprintOf(readerName) : 'empty';
      console.log(`${readerName}: ${found}`);
    }
  }
}

/** @param {string} readerName */
async function fingerprintOf(readerName) {
  try {
    const { connection } = await cards.connect(readerName, 'shared', { preferredProtocols: ['t0', 't1'] });
    try {
      let certificate = new Uint8Array();
      await connection.startTransaction(async () => {
        await send(connection, SELECT_PIV);
        certificate = certificateIn(await send(connection, GET_CERTIFICATE));
        return 'reset';
      });
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', certificate));
      return `SHA-256 ${[...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
    } finally {
      await connection.disconnect();
    }
  } catch (error) {
    // A card of another kind, or one that has been removed already.
    return `not read: ${error instanceof Error ? error.message : error}`;
  }
}

/**
 * Sends a command and returns the whole response.
 *
 * @param {import('pcsc-bridge/web').SmartCardConnection} connection
 * @param {Uint8Array} command
 */
async function send(connection, command) {
  /** @type {number[]} */
  const data = [];
  for (let next = command; ; ) {
    const response = new Uint8Array(await connection.transmit(next));
    const [sw1 = 0, sw2 = 0] = response.subarray(-2);
    data.push(...response.subarray(0, -2));
    if (sw1 === 0x90) return Uint8Array.from(data);
    if (sw1 !== 0x61) throw new Error(`status word ${((sw1 << 8) | sw2).toString(16)}`);
    next = Uint8Array.of(...GET_RESPONSE, sw2);
  }
}

/**
 * The certificate in the data object (SP 800-73, table 10): tag 53 around tag 70.
 *
 * @param {Uint8Array} object
 */
function certificateIn(object) {
  return Uint8Array.from(contentOf(contentOf(object, 0x53), 0x70));
}

/**
 * The value of the first data object.
 *
 * @param {Uint8Array} bytes
 * @param {number} tag
 */
function contentOf(bytes, tag) {
  const [found, first = 0] = bytes;
  if (found !== tag) throw new Error(`no data object ${tag.toString(16)}`);
  const longer = first > 0x80 ? first - 0x80 : 0;
  const length =
    longer === 0 ? first : bytes.subarray(2, 2 + longer).reduce((sum, byte) => sum * 256 + byte, 0);
  return bytes.subarray(2 + longer, 2 + longer + length);
}
