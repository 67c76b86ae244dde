/** Commands that use a key: sign, decrypt, derive, logon. */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { Transaction } from '../../../index.js';
import {
  algorithmOf,
  decrypt,
  deriveSecret,
  logon,
  publicKeyOf,
  readCertificate,
  readDiscovery,
  signatureHash,
  signMessage,
  verifyPin,
} from '../../../piv/index.js';
import { table } from '../../terminal/table.js';
import { print, printJson } from '../output.js';
import { type PivCard, type PivCommandOptions, part, slotOption } from './card.js';
import { askPin } from './secrets.js';

interface UseOptions extends PivCommandOptions {
  file: string;
  out: string;
}

interface DecryptOptions extends UseOptions {
  padding: 'pkcs1' | 'oaep';
}

export function useCommands(): Command[] {
  return [
    part('sign', 'sign a file with the key of a slot; the signature is DER, PKCS #1 or Ed25519', signFile)
      .argument('<file>')
      .addOption(slotOption())
      .requiredOption('--out <file>', 'where to write the signature'),
    part('decrypt', 'decrypt a file with the RSA key of a slot', decryptFile)
      .argument('<file>', 'one block, as long as the key')
      .addOption(slotOption('9D'))
      .addOption(
        new Option('--padding <name>', 'how it was padded; oaep: with SHA-256')
          .choices(['pkcs1', 'oaep'])
          .default('pkcs1'),
      )
      .requiredOption('--out <file>', 'where to write the message'),
    part('derive', 'agree on a secret with the EC key of a slot (ECDH)', deriveFile)
      .argument('<file>', "the other side's public key (PEM)")
      .addOption(slotOption('9D'))
      .requiredOption('--out <file>', 'where to write the secret'),
    part('logon', 'do the steps of a logon: certificate, PIN, signature of a challenge', tryLogon).addOption(
      slotOption(),
    ),
  ];
}

async function signFile(card: PivCard, options: UseOptions, signal: AbortSignal): Promise<void> {
  const { slot, json, file, out } = options;
  const content = await readFile(file);
  const publicKey = await keyOf(card, options);
  const pin = await askPin(signal);
  const signature = await withPin(card, pin, (tx) => signMessage(tx, slot, content, publicKey));
  const algorithm = algorithmOf(publicKey);
  if (!verify(signatureHash(algorithm), content, publicKey, signature)) {
    throw new Error(`the signature does not match the certificate of slot ${slot}: nothing was written`);
  }
  await writeFile(out, signature);
  const bytes = signature.length;
  if (json) printJson({ slot, algorithm, out, bytes }, 0);
  else
    print(`Signed ${file} with the key of slot ${slot}: ${out}, ${bytes} bytes; it matches the certificate.`);
}

async function decryptFile(card: PivCard, options: DecryptOptions, signal: AbortSignal): Promise<void> {
  const { slot, file, padding } = options;
  const content = await readFile(file);
  const publicKey = await keyOf(card, options);
  const pin = await askPin(signal);
  const message = await withPin(card, pin, (tx) => decrypt(tx, slot, content, publicKey, { padding }));
  await writeSecret(message, options, `Decrypted ${file} with the key of slot ${slot}`);
}

async function deriveFile(card: PivCard, options: UseOptions, signal: AbortSignal): Promise<void> {
  const { slot, file } = options;
  const publicKey = createPublicKey(await readFile(file));
  const pin = await askPin(signal);
  const secret = await withPin(card, pin, (tx) => deriveSecret(tx, slot, publicKey));
  await writeSecret(secret, options, `Agreed on a secret with the key of slot ${slot}`);
}

async function tryLogon(
  card: PivCard,
  { slot, json }: PivCommandOptions,
  signal: AbortSignal,
): Promise<void> {
  const pin = await askPin(signal);
  const { subject, algorithm, steps, durationMs } = await card.transaction(async (tx) => {
    const { primaryPin: reference } = await readDiscovery(tx);
    return logon(tx, pin, { slot, reference });
  });
  if (json) {
    printJson({ subject, algorithm, durationMs, steps });
    return;
  }
  const rows = steps.map(({ step, durationMs: ms }) => [step.replaceAll('-', ' '), `${ms.toFixed(1)} ms`]);
  print(table(['step', 'time'], [...rows, ['in all', `${durationMs.toFixed(1)} ms`]], ['left', 'right']));
  print(`Logged on: ${subject.replaceAll('\n', ', ') || 'no subject'} (${algorithm}).`);
}

async function keyOf(card: PivCard, { slot }: PivCommandOptions): Promise<KeyObject> {
  return publicKeyOf(await card.transaction((tx) => readCertificate(tx, slot)));
}

/** The PIN comes right before the use, as the key of slot 9C requires it. */
function withPin<T>(card: PivCard, pin: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return card.transaction(async (tx) => {
    const { primaryPin: reference } = await readDiscovery(tx);
    await verifyPin(tx, pin, { reference });
    return work(tx);
  });
}

/** Only the user may read the file. */
async function writeSecret(secret: Uint8Array, { slot, json, out }: UseOptions, what: string): Promise<void> {
  const bytes = secret.length;
  await writeFile(out, secret, { mode: 0o600 });
  secret.fill(0);
  if (json) printJson({ slot, out, bytes }, 0);
  else print(`${what}: ${out}, ${bytes} bytes.`);
}
