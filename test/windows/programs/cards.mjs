/** cards.mjs READER: what a program does with a card. */
import { CardBridge } from 'pcsc-bridge';
import { failure, hex, report } from './report.mjs';

const [reader] = process.argv.slice(2);
const selectPiv = Uint8Array.from(Buffer.from('00a4040005a000000308', 'hex'));
const bridge = new CardBridge();
const session = await bridge.openSession();
const answer = { readers: await session.listReaders() };

const card = await session.connect(reader, { timeout: 5000 });
answer.protocol = card.protocol;
answer.status = await card.status();
answer.selected = hex(await card.transmit(selectPiv));
answer.exchanged = hex((await card.exchange(selectPiv)).data);
// pcsc-lite's TAG_IFD_SLOTS_NUMBER, one of the few that vpcd knows.
answer.slots = hex(await card.getAttribute(0x0fae));
answer.noSuchAttribute = await card.getAttribute('vendorName').catch(failure);

answer.inTransaction = await card.transaction(async (transaction) => {
  const response = await transaction.transmit(selectPiv);
  return { response: hex(response), cardWasReset: transaction.cardWasReset };
});
// A reset of our own, which is not reported.
await card.transaction(() => {}, { disposition: 'reset' });
answer.afterOwnReset = await card.transaction((transaction) => transaction.cardWasReset);
const other = await session.connect(reader);
await other.transaction(() => {}, { disposition: 'reset' });
answer.afterForeignReset = await card.transaction((transaction) => transaction.cardWasReset);

answer.unknownReader = await session.connect('No such reader').catch(failure);
await card.reconnect({ initialization: 'reset' });
answer.afterReconnect = hex(await card.transmit(selectPiv));
await card.close();

// The second time from the cache.
const lookup = () =>
  session.transaction(reader, ({ lookup: { fresh, evaluated } }) => ({ fresh, evaluated }));
answer.lookups = [await lookup(), await lookup()].map(({ fresh, evaluated }) => [fresh, evaluated.length]);
await bridge.close();
report(answer);
