/**
 * A card host: announces its readers, and lets the holder of a lease use a card.
 *
 *   NATS_USER=host-a NATS_PASSWORD_FILE=host-a.txt NATS_CA=ca.pem node examples/remote-cards/host.mjs
 *
 * Its name is NATS_USER. SIGTERM or Ctrl-C ends it. The requests, whose subjects are cards.HOST.READER.USER.VERB with the
 * header Lease:
 *
 *   begin      waits until the card is held
 *   transmit   sends the APDU that is the payload, and answers with the card's response
 *   end        resets the card and frees it
 *
 * An answer with the header Error is a failure; the header Code has its code.
 */
import { headers } from '@nats-io/transport-node';
import { CardBridge } from 'pcsc-bridge';
import { toHex } from 'pcsc-bridge/apdu';
import { Lease } from './lease.mjs';
import { connectToServer, openBuckets, readerOf, tokenOf } from './server.mjs';

const host = process.env['NATS_USER'] ?? '';
const nats = await connectToServer();
const { readers, leases, ttl } = await openBuckets(nats);
const bridge = new CardBridge();
const session = await bridge.openSession();
/** The lease of each reader, by its token. @type {Map<string, Lease>} */
const held = new Map();
/** @type {Set<string>} */
let announced = new Set();

const requests = nats.subscribe(`cards.${host}.>`);
const leaseChanges = await leases.watch({ key: `${host}.*` });
const readerChanges = session.watch();
const heartbeat = setInterval(announce, ttl / 3);
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
// It connects again by itself, unless the server refuses it.
void nats.closed().then((error) => {
  if (!error) return;
  console.error(`${host}: the connection has ended: ${error.message}`);
  process.exitCode = 1;
  void stop();
});
await announce();
console.log(`${host}: ready`);
await Promise.all([serve(), followLeases(), followReaders()]);

async function serve() {
  for await (const message of requests) void answer(message);
}

/** @param {import('@nats-io/transport-node').Msg} message */
async function answer(message) {
  const [, , token = '', user = '', verb = ''] = message.subject.split('.');
  try {
    const id = message.headers?.get('Lease') ?? '';
    message.respond(await perform(verb, token, user, id, message.data));
  } catch (error) {
    const { message: text, code = '' } = /** @type {Error & { code?: string }} */ (error);
    const head = headers();
    head.set('Error', text.replace(/\s+/g, ' '));
    head.set('Code', code);
    message.respond(undefined, { headers: head });
  } finally {
    message.data.fill(0); // it may have been a PIN
  }
}

/**
 * @param {string} verb
 * @param {string} token
 * @param {string} user whom the server let use this subject
 * @param {string} id
 * @param {Uint8Array} data
 */
async function perform(verb, token, user, id, data) {
  if (verb === 'begin') return begin(token, user, id);
  const lease = held.get(token);
  if (lease?.claim.id !== id || lease.claim.user !== user) {
    throw Object.assign(new Error('the lease has ended: take a new one'), { code: 'LEASE_LOST' });
  }
  if (verb === 'transmit') return lease.transmit(data);
  if (verb !== 'end') throw new Error('the requests are begin, transmit and end');
  lease.end('by its client');
  await lease.ended;
}

/**
 * @param {string} token
 * @param {string} user
 * @param {string} id
 */
async function begin(token, user, id) {
  // The bucket decides who has the lease. The watch may not have told yet.
  const entry = await leases.get(`${host}.${token}`);
  const claimed = entry?.operation === 'PUT' ? entry.json() : undefined;
  if (entry === null || claimed?.id !== id || claimed.user !== user) {
    throw Object.assign(new Error('this lease is not in the bucket: take a new one'), { code: 'LEASE_LOST' });
  }
  const { revision, created } = entry;
  const lease = new Lease(bridge, token, { id, user, revision, created }, ttl, held.get(token));
  held.set(token, lease);
  void lease.ended.then(() => {
    if (held.get(token) === lease) held.delete(token);
    console.log(`${readerOf(token)}: free`);
  });
  await lease.begun;
  console.log(`${readerOf(token)}: held for ${user}`);
}

/** Renewals keep a lease, deletions end it. That it runs out is not reported: the lease has a timer for that. */
async function followLeases() {
  for await (const entry of leaseChanges) {
    const lease = held.get(entry.key.slice(host.length + 1));
    if (!lease || entry.revision < lease.claim.revision) continue;
    if (entry.operation === 'PUT' && entry.json().id === lease.claim.id) lease.renew();
    else lease.end('another one has been entered in the bucket');
  }
}

async function followReaders() {
  for await (const _ of readerChanges) await announce();
}

async function announce() {
  try {
    const states = await session.readerStates();
    const present = new Set(states.map(({ reader }) => tokenOf(reader)));
    for (const { reader, state, atr } of states) {
      const about = JSON.stringify({ host, reader, card: state.present, atr: atr && toHex(atr) });
      await readers.put(`${host}.${tokenOf(reader)}`, about);
    }
    for (const token of announced) if (!present.has(token)) await readers.delete(`${host}.${token}`);
    announced = present;
  } catch (error) {
    // No service now, or no server. The announcements run out, and the next beat tries again.
    console.log(`${host}: not announced: ${error instanceof Error ? error.message : error}`);
  }
}

async function stop() {
  clearInterval(heartbeat);
  readerChanges.close();
  requests.unsubscribe();
  for (const lease of held.values()) lease.end('the host ends');
  await Promise.all([...held.values()].map(({ ended }) => ended));
  await bridge.close();
  await nats.close(); // ends the watch of the leases, too
}
