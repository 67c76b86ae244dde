/** What card hosts and their clients share: the connection to the NATS server, the two buckets, and names. */
import { readFileSync } from 'node:fs';
import { jetstream } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { connect } from '@nats-io/transport-node';

/**
 * Connects as the environment says: NATS_URL, NATS_CA (the file of the CA of the server's certificate), NATS_USER and
 * NATS_PASSWORD_FILE. A password in the environment could be read in /proc.
 */
export async function connectToServer() {
  const { NATS_URL = 'tls://localhost:4222', NATS_CA, NATS_USER, NATS_PASSWORD_FILE } = process.env;
  if (!NATS_USER || !NATS_PASSWORD_FILE) throw new Error('NATS_USER and NATS_PASSWORD_FILE must be set');
  const options = {
    servers: NATS_URL,
    user: NATS_USER,
    pass: readFileSync(NATS_PASSWORD_FILE, 'utf8').trim(),
    tls: NATS_CA ? { caFile: NATS_CA } : {},
    // Answers go to subjects that only this user may read: see nats.conf.
    inboxPrefix: `_INBOX.${NATS_USER}`,
    // Without end: the callers limit their waits themselves.
    maxReconnectAttempts: -1,
    pingInterval: 5000,
  };
  try {
    return await connect(options);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : cause;
    throw new Error(`cannot connect to ${NATS_URL} as ${NATS_USER}: ${reason}`, { cause });
  }
}

/**
 * The buckets: `readers` has what each host announces, `leases` who has which card. Their entries vanish if they are not
 * written again for `ttl` milliseconds.
 *
 * @param {import('@nats-io/transport-node').NatsConnection} nats
 */
export async function openBuckets(nats) {
  const buckets = new Kvm(jetstream(nats));
  const [readers, leases] = await Promise.all([buckets.open('readers'), buckets.open('leases')]);
  const { ttl } = await leases.status();
  return { readers, leases, ttl };
}

/** The token of a reader in subjects and keys, which take no spaces. @param {string} reader */
export function tokenOf(reader) {
  return Buffer.from(reader).toString('base64url');
}

/** @param {string} token */
export function readerOf(token) {
  return Buffer.from(token, 'base64url').toString();
}
