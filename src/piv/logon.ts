import { type KeyObject, randomBytes, verify, type X509Certificate } from 'node:crypto';
import { algorithmOf, type PivAlgorithm, signatureHash } from './algorithms.js';
import { publicKeyOf, readCertificate, subjectOf } from './certificate.js';
import type { ApduCard } from './command.js';
import { PivError } from './error.js';
import type { PivSlot } from './identifiers.js';
import { type PinOptions, retriesLeft as readRetriesLeft, verifyPin } from './pin.js';
import { selectPiv } from './select.js';
import { signMessage } from './sign.js';

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

export interface LogonOptions extends PinOptions {
  /**
   * The key and certificate of the logon.
   *
   * @default '9A', PIV authentication (SP 800-73-5 part 1, 3.1.3)
   */
  slot?: PivSlot;
}

/** The result of a logon. */
export interface Logon {
  /** Subject of the certificate, one attribute per line: `CN=Alice`. Empty if it has none. */
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
export async function logon(
  card: ApduCard,
  pin: string | Uint8Array,
  { slot = '9A', reference = 'application' }: LogonOptions = {},
): Promise<Logon> {
  const began = performance.now();
  const steps: LogonStepTime[] = [];
  async function timed<T>(step: LogonStep, work: () => T | Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    steps.push({ step, startMs: start - began, durationMs: performance.now() - start });
    return result;
  }

  await timed('select', () => selectPiv(card));
  const certificate = await timed('read-certificate', () => readCertificate(card, slot));
  const subject = subjectOf(certificate);
  const publicKey = publicKeyOf(certificate);
  // Checked before the PIN: an unsupported key must not cost a try.
  const algorithm = algorithmOf(publicKey);
  const retriesLeft = await timed('ask-retries', () => readRetriesLeft(card, reference));
  await timed('verify-pin', () => verifyPin(card, pin, { reference }));

  const challenge = randomBytes(CHALLENGE_LENGTH);
  const signature = await timed('sign', () => signMessage(card, slot, challenge, publicKey));
  const valid = await timed('verify-signature', () => fits(challenge, publicKey, signature));
  if (!valid) {
    throw new PivError(
      'PIV_SIGNATURE_INVALID',
      `The card's signature does not match its certificate (${subject || 'without subject'}): the card has another key`,
    );
  }
  return { subject, algorithm, certificate, retriesLeft, durationMs: performance.now() - began, steps };
}

function fits(challenge: Uint8Array, publicKey: KeyObject, signature: Uint8Array): boolean {
  try {
    return verify(signatureHash(algorithmOf(publicKey)), challenge, publicKey, signature);
  } catch (cause) {
    throw new PivError('PIV_MALFORMED', 'The public key in the certificate verifies no signature', { cause });
  }
}
