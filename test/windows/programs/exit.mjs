/** exit.mjs READER: ends while operations are blocked inside the library. */
import { CardBridge } from 'pcsc-bridge';

const [reader] = process.argv.slice(2);
const bridge = new CardBridge();
const session = await bridge.openSession();
const waits = [session.connect(reader), session.connect(reader), session.transaction(reader, () => {})];
for (const wait of waits) wait.catch(() => {});
(async () => {
  for await (const event of session.watch()) void event;
})().catch(() => {});
setTimeout(() => {
  console.log('now');
  process.exit(7);
}, 500);
