/** The client's side: takes a lease, begins the transaction, renews the lease while the work lasts, and gives it back. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import { tokenOf } from './server.mjs';

/** Milliseconds that an answer to an APDU or to the end of a transaction may take. */
const ANSWER_TIMEOUT = 30_000;

/**
 * Runs `work` with the card in a reader of a host, within one transaction. Others wait meanwhile. Afterwards the card is
 * reset.
 *
 * @template T
 * @param {object} server
 * @param {import('@nats-io/transport-node').NatsConnection} server.nats
 * @param {import('@nats-io/kv').KV} server.leases
 * @param {number} server.ttl milliseconds that a lease lasts without a renewal
 * @param {{ host: string, reader: string, user: string }} place
 * @param {(card: import('pcsc-bridge/piv').ApduCard) => Promise<T>} work
 * @param {{ timeout?: number }} [options] of the wait for the lease and then for the card, in milliseconds
 * @returns {Promise<T>}
 * @throws the error of `work`; one with the host's code; LEASE_LOST if the lease could not be renewed
 */
export async function withRemoteCard({ nats, leases, ttl }, place, work, { timeout = 60_000 } = {}) {
  const { host, user } = place;
  const token = tokenOf(place.reader);
  const key = `${host}.${token}`;
  const id = randomUUID();
  const value = JSON.stringify({ user, id });
  /**
   * @param {string} verb
   * @param {Uint8Array} [data]
   */
  async function request(verb, data, limit = ANSWER_TIMEOUT) {
    const head = headers();
    head.set('Lease', id);
    const answer = await nats.request(`cards.${host}.${token}.${user}.${verb}`, data, {
      headers: head,
      timeout: limit,
    });
    const sentence = answer.headers?.get('Error');
    if (sentence) throw Object.assign(new Error(sentence), { code: answer.headers?.get('Code') });
    return answer.data;
  }

  let revision = await take(leases, key, value, ttl / 3, timeout);
  const over = new AbortController();
  /** Rejects when the lease is lost; pending as long as it is renewed. @type {Promise<never>} */
  const lost = new Promise((_, reject) => {
    void (async () => {
      for (;;) {
        await delay(ttl / 3, undefined, over);
        revision = await leases.update(key, value, revision);
      }
    })().catch((cause) => {
      reject(Object.assign(new Error('the lease could not be renewed', { cause }), { code: 'LEASE_LOST' }));
    });
  });
  lost.catch(() => {}); // also rejects at the end
  try {
    await Promise.race([request('begin', undefined, timeout), lost]);
    return await Promise.race([work({ transmit: (apdu) => request('transmit', apdu) }), lost]);
  } finally {
    over.abort();
    // If these fail, the lease runs out.
    await request('end').catch(() => {});
    await leases.delete(key, { previousSeq: revision }).catch(() => {});
  }
}

/**
 * Creates the entry, once there is none. That one has run out is not reported: so this asks again.
 *
 * @param {import('@nats-io/kv').KV} leases
 * @param {string} key
 * @param {string} value
 * @param {number} interval
 * @param {number} timeout
 * @returns the entry's revision
 */
async function take(leases, key, value, interval, timeout) {
  const end = performance.now() + timeout;
  for (;;) {
    try {
      return await leases.create(key, value);
    } catch (error) {
      if (!isTaken(error)) throw error;
      if (performance.now() + interval > end) {
        const sentence = `another client had the card for ${timeout} ms: ${key}`;
        throw Object.assign(new Error(sentence), { code: 'LEASE_TAKEN' });
      }
    }
    await delay(interval);
  }
}

/** @param {unknown} error */
function isTaken(error) {
  const taken = [JetStreamApiCodes.StreamWrongLastSequence, JetStreamApiCodes.StreamWrongLastSequenceUnknown];
  return error instanceof JetStreamApiError && taken.some((code) => code === error.code);
}
