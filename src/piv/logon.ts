import { createHash, type KeyObject, randomBytes, verify, type X509Certificate } from 'node:crypto';
import { publicKeyOf, readCertificate } from './certificate.js';
import type { ApduCard } from './command.js';
import { PivError } from './error.js';
import { algorithmOf, type PivAlgorithm } from './identifiers.js';
import { pinRetriesLeft, verifyPin } from './pin.js';
import { selectPiv } from './select.js';
import { sign } from './sign.js';

/** PIV authentication: the key and certificate a logon uses (SP 800-73-4 part 1, 3.1.3). */
const SLOT = '9A';

const CHALLENGE_LENGTH = 32;

export type LogonStep =
  | 'select'
  | 'read-certificate'
  | 'ask-retries'
  | 'verify-pin'
  | 'sign'
  | 'verify-signature';

export interface LogonStepTime {
  step: LogonStep;
  /** Milliseconds after the logon began. */
  startMs: number;
  durationMs: number;
}

export interface Logon {
  /** Subject of the certificate, one attribute a line: `CN=Alice`. */
  subject: string;
  algorithm: PivAlgorithm;
  certificate: X509Certificate;
  /** Tries the PIN had left before it was given; undefined when the card does not tell (it is verified already). */
  retriesLeft: number | undefined;
  durationMs: number;
  /** What was done, in order. */
  steps: LogonStepTime[];
}

/**
 * A logon: select the application, read the certificate, verify the PIN, let the card sign a fresh challenge,
 * verify the signature against the certificate. Run it within a transaction. The PIN stays verified on the
 * card until it is reset: end with disposition `reset` where others use the card too.
 *
 * Whether the certificate is one to trust is not asked: that is the domain's business.
 *
 * @param pin As for `verifyPin`.
 * @throws {PivPinError} As `verifyPin`; nothing was signed.
 * @throws {PivError} PIV_SIGNATURE_INVALID: the key on the card is not that of its certificate. PIV_MALFORMED: the
 *   certificate or its key is damaged. Others as each step throws them.
 */
export async function logon(card: ApduCard, pin: string | Uint8Array): Promise<Logon> {
  const began = performance.now();
  const steps: LogonStepTime[] = [];
  async function timed<T>(step: LogonStep, work: () => T | Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    steps.push({ step, startMs: start - began, durationMs: performance.now() - start });
    return result;
  }

  await timed('select', () => selectPiv(card));
  const certificate = await timed('read-certificate', () => readCertificate(card, SLOT));
  const { subject } = certificate;
  const publicKey = publicKeyOf(certificate);
  // Before the PIN: a card whose key cannot be used must not cost a try.
  const algorithm = algorithmOf(publicKey);
  const retriesLeft = await timed('ask-retries', () => pinRetriesLeft(card));
  await timed('verify-pin', () => verifyPin(card, pin));

  const challenge = randomBytes(CHALLENGE_LENGTH);
  const digest = createHash('sha256').update(challenge).digest();
  const signature = await timed('sign', () => sign(card, SLOT, digest, publicKey));
  const valid = await timed('verify-signature', () => fits(challenge, publicKey, signature));
  if (!valid) {
    throw new PivError(
      'PIV_SIGNATURE_INVALID',
      `The card's signature does not fit its certificate (${subject}): its key is another one`,
    );
  }
  return { subject, algorithm, certificate, retriesLeft, durationMs: performance.now() - began, steps };
}

function fits(challenge: Uint8Array, publicKey: KeyObject, signature: Uint8Array): boolean {
  try {
    return verify('sha256', challenge, publicKey, signature);
  } catch (cause) {
    throw new PivError('PIV_MALFORMED', 'The public key in the certificate verifies no signature', { cause });
  }
}
