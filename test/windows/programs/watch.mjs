/** watch.mjs SECONDS [busy]: prints events, then the processor time of that many seconds without events. */
import { CardBridge } from 'pcsc-bridge';
import { hex } from './report.mjs';

const [seconds, busy] = process.argv.slice(2);
const bridge = new CardBridge();
const session = await bridge.openSession();
const watch = session.watch();
let last = performance.now();
watch.on('event', (event) => {
  last = performance.now();
  console.log(event.type, event.reader ?? '', event.atr ? hex(event.atr) : '');
});

let start = performance.now();
let before = process.cpuUsage();
setInterval(() => {
  const now = performance.now();
  if (last > start) {
    start = last;
    before = process.cpuUsage();
  }
  while (busy && performance.now() - now < 90);
  if (performance.now() - start < seconds * 1000) return;
  const { user, system } = process.cpuUsage(before);
  console.log('load', ((user + system) / 1000 / (performance.now() - start)).toFixed(3));
  process.exit(0);
}, 100);
