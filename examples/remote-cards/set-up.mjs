/**
 * Creates the two buckets, once, as the administrator:
 *
 *   NATS_USER=admin NATS_PASSWORD_FILE=admin.txt NATS_CA=ca.pem node examples/remote-cards/set-up.mjs [TTL]
 *
 * TTL is the number of milliseconds after which a lease that is not renewed has ended, 6000 by default.
 */
import { jetstream } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { connectToServer } from './server.mjs';

const ttl = Number(process.argv[2] ?? 6000);
const nats = await connectToServer();
const buckets = new Kvm(jetstream(nats));
// Of each entry only the last value counts.
for (const name of ['readers', 'leases']) await buckets.create(name, { ttl, history: 1 });
await nats.close();
