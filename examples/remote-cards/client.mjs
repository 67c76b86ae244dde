/**
 * A client of card hosts.
 *
 *   NATS_USER=alice NATS_PASSWORD_FILE=alice.txt NATS_CA=ca.pem node examples/remote-cards/client.mjs readers
 *   PCSC_BRIDGE_PIN=123456 ... node examples/remote-cards/client.mjs logon HOST READER
 *   ... node examples/remote-cards/client.mjs hold HOST READER     holds the card until Ctrl-C
 */
import { once } from 'node:events';
import { logon } from 'pcsc-bridge/piv';
import { withRemoteCard } from './remote-card.mjs';
import { connectToServer, openBuckets } from './server.mjs';

const [command, host = '', reader = ''] = process.argv.slice(2);
const user = process.env['NATS_USER'] ?? '';
const pin = process.env['PCSC_BRIDGE_PIN'] ?? '';

const nats = await connectToServer();
try {
  const buckets = await openBuckets(nats);
  if (command === 'readers') {
    for await (const key of await buckets.readers.keys()) {
      const about = (await buckets.readers.get(key))?.json();
      if (about) console.log(`${about.host}: ${about.reader}: ${about.card ? about.atr : 'empty'}`);
    }
  } else if (command === 'hold') {
    await withRemoteCard({ nats, ...buckets }, { host, reader, user }, async () => {
      console.log(`${host}: ${reader}: held`);
      await once(process, 'SIGINT');
    });
  } else if (command === 'logon' && pin !== '') {
    const { subject, durationMs } = await withRemoteCard(
      { nats, ...buckets },
      { host, reader, user },
      (card) => logon(card, pin),
    );
    console.log(`${host}: ${reader}: ${subject}, ${durationMs.toFixed(0)} ms`);
  } else {
    console.error(
      'usage: client.mjs readers | client.mjs hold HOST READER | PCSC_BRIDGE_PIN=... client.mjs logon HOST READER',
    );
    process.exitCode = 2;
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await nats.close();
}
