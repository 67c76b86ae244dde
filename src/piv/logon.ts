import { createHash, type KeyObject, randomBytes, verify, type X509Certificate } from 'node:crypto';
import { publicKeyOf, readCertificate } from './certificate.js';
import type { ApduCard } from './command.js';
import { PivError } from './error.js';
import { algorithmOf, type PivAlgorithm } from './identifiers.js';
import { pinRetriesLeft, verifyPin } from './pin.js';
import { selectPiv } from './select.js';
import { sign } from './sign.js';

/** PIV authentication: the key and certificate of a logon (SP 800-73-4 part 1, 3.1.3). */
const SLOT = '9A';

const CHALLENGE_LENGTH = 32;

/** A step of a logon. */
export type LogonStep =
  | 'select'
  | 'read-certificate'
  | 'ask-retries'
  | 'verify-pin'
  | 'sign'
  | 'verify-signature';

/** The time that a step of a logon took. */
export interface LogonStepTime {
  step: LogonStep;
  /** Start of the step, in milliseconds after the start of the logon. */
  startMs: number;
  durationMs: number;
}

/** The result of a logon. */
export interface Logon {
  /** Subject of the certificate, one attribute per line: `CN=Alice`. */
  subject: string;
  algorithm: PivAlgorithm;
  certificate: X509Certificate;
  /**
   * Tries left before the PIN was verified; undefined if the card does not report them, as when the PIN is verified
   * already.
   */
  retriesLeft: number | undefined;
  durationMs: number;
  /** The steps in order. */
  steps: LogonStepTime[];
}

/**
 * Performs a logon: selects the application, reads the certificate, verifies the PIN, lets the card sign a random
 * challenge, and verifies the signature with the certificate. Run it within a transaction. The PIN stays verified until
 * the card is reset: end the transaction with disposition `reset` if other programs use the card too.
 *
 * It does not check whether the certificate is trusted; that is the task of the domain.
 *
 * @param pin - As for `verifyPin`.
 * @throws {PivPinError} As `verifyPin`; the card has signed nothing.
 * @throws {PivError} PIV_SIGNATURE_INVALID: the card's key does not match its certificate. PIV_MALFORMED: the
 *   certificate or its key is damaged. Others as for each step.
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
  // Checked before the PIN: an unsupported key must not cost a try.
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
      `The card's signature does not match its certificate (${subject}): the card has another key`,
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
