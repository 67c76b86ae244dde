// pcsclite and its fork @pokusew/pcsclite: one object per reader, which has one connection, callbacks, no
// transactions.

/**
 * @param {() => import('node:events').EventEmitter & { close(): void }} pcsclite
 * @param {string} version
 */
export function makeAdapter(pcsclite, version) {
  const pcsc = pcsclite();
  pcsc.on('error', () => {});
  const readers = new Map();
  pcsc.on('reader', (reader) => {
    readers.set(reader.name, reader);
    reader.on('error', () => {});
  });
  return {
    version,
    async open(name) {
      while (!readers.has(name)) await new Promise((resolve) => setTimeout(resolve, 10));
      const reader = readers.get(name);
      const options = { share_mode: reader.SCARD_SHARE_SHARED };
      const protocol = await new Promise((resolve, reject) => {
        reader.connect(options, (error, active) => (error ? reject(error) : resolve(active)));
      });
      reader.benchProtocol ??= protocol; // nothing is said when it is connected already
      return {
        transmit: (apdu) =>
          new Promise((resolve, reject) => {
            const longest = apdu.length > 5 && apdu[4] === 0 ? 65538 : 258;
            reader.transmit(Buffer.from(apdu), longest, reader.benchProtocol, (error, response) =>
              error ? reject(error) : resolve(response),
            );
          }),
      };
    },
  };
}
