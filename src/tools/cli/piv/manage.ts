/** Commands that change what is on a card, for test set-ups: generate, import, set-chuid. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { fromHex, toHex } from '../../../apdu/index.js';
import type { Transaction } from '../../../index.js';
import {
  ALGORITHM_ID,
  authenticateManagement,
  describeKey,
  generateKey,
  importKey,
  type PivAlgorithm,
  readDiscovery,
  signMessage,
  verifyPin,
  writeCertificate,
  writeChuid,
} from '../../../piv/index.js';
import { issueCertificate } from '../../../testing/virtual/piv/certificate.js';
import { UsageError } from '../command.js';
import { print, printJson } from '../output.js';
import { type PivCard, type PivCommandOptions, part, slotOption } from './card.js';
import { askManagementKey, askPin } from './secrets.js';

interface GenerateOptions extends PivCommandOptions {
  algorithm: PivAlgorithm;
  subject?: string;
}

interface ImportOptions extends PivCommandOptions {
  key?: string;
  certificate?: string;
}

interface ChuidOptions extends PivCommandOptions {
  guid?: string;
}

export function manageCommands(): Command[] {
  return [
    part('generate', 'let the card make a new key; the former key of the slot is lost', generate)
      .addOption(slotOption())
      .addOption(
        new Option('--algorithm <name>', 'of the key').choices(Object.keys(ALGORITHM_ID)).default('P256'),
      )
      .option('--subject <name>', 'write a self-signed certificate with this common name; needs the PIN')
      .option('--out <file>', 'write the public key to this file (PEM)'),
    part('import', 'store a key, a certificate, or both; what was in the slot is lost', importFiles)
      .addOption(slotOption())
      .option('--key <file>', 'a private key (PEM, without a passphrase)')
      .option('--certificate <file>', 'a certificate (PEM or DER)'),
    part('set-chuid', 'write a new CHUID, the identifier of the card', setChuid).option(
      '--guid <hex>',
      '16 bytes; default: random',
    ),
  ];
}

async function generate(card: PivCard, options: GenerateOptions, signal: AbortSignal): Promise<void> {
  const { slot, algorithm, subject, out, json } = options;
  const managementKey = await askManagementKey(signal);
  const pin = subject === undefined ? undefined : await askPin(signal);
  const publicKey = await managed(card, managementKey, async (tx) => {
    const made = await generateKey(tx, slot, algorithm);
    if (subject !== undefined && pin !== undefined)
      await selfSign(tx, made, pin, { slot, algorithm, subject });
    return made;
  });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  if (out !== undefined) await writeFile(out, pem);
  if (json) printJson({ slot, algorithm, subject, publicKey: pem });
  else {
    const certificate = subject === undefined ? '' : `, with a certificate for ${subject}`;
    print(`The card has made a key of ${algorithm} in slot ${slot}${certificate}.`);
  }
}

interface SelfSigned {
  slot: GenerateOptions['slot'];
  algorithm: PivAlgorithm;
  subject: string;
}

async function selfSign(
  tx: Transaction,
  publicKey: KeyObject,
  pin: string,
  { slot, algorithm, subject }: SelfSigned,
): Promise<void> {
  const { primaryPin: reference } = await readDiscovery(tx);
  const sign = async (message: Uint8Array) => {
    await verifyPin(tx, pin, { reference });
    return signMessage(tx, slot, message, publicKey);
  };
  const der = await issueCertificate(publicKey, { name: subject, algorithm, sign }, { subject });
  await writeCertificate(tx, slot, new X509Certificate(der));
}

async function importFiles(card: PivCard, options: ImportOptions, signal: AbortSignal): Promise<void> {
  const { slot, json } = options;
  if (options.key === undefined && options.certificate === undefined) {
    throw new UsageError('nothing to import: give --key, --certificate, or both');
  }
  const key = options.key === undefined ? undefined : await privateKeyIn(options.key);
  const certificate =
    options.certificate === undefined ? undefined : new X509Certificate(await readFile(options.certificate));
  if (key !== undefined && certificate?.checkPrivateKey(key) === false) {
    throw new UsageError('the certificate belongs to another key: nothing was imported');
  }
  const managementKey = await askManagementKey(signal);
  await managed(card, managementKey, async (tx) => {
    if (key !== undefined) await importKey(tx, slot, key);
    if (certificate !== undefined) await writeCertificate(tx, slot, certificate);
  });
  const imported = [key && `a key of ${describeKey(key)}`, certificate && 'a certificate'].filter(Boolean);
  if (json) printJson({ slot, key: key && describeKey(key), certificate: certificate?.fingerprint256 }, 0);
  else print(`Imported ${imported.join(' and ')} into slot ${slot}.`);
}

async function privateKeyIn(file: string): Promise<KeyObject> {
  const pem = await readFile(file);
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new UsageError(`there is no private key in ${file} that can be read without a passphrase`, {
      cause,
    });
  } finally {
    pem.fill(0);
  }
}

async function setChuid(card: PivCard, { guid, json }: ChuidOptions, signal: AbortSignal): Promise<void> {
  const wanted = guid === undefined ? {} : { guid: fromHex(guid) };
  const managementKey = await askManagementKey(signal);
  const written = toHex(await managed(card, managementKey, (tx) => writeChuid(tx, wanted)));
  if (json) printJson({ guid: written }, 0);
  else print(`The card has a new CHUID, with GUID ${written}.`);
}

/** Authenticates with the management key, works, and wipes the key. */
async function managed<T>(
  card: PivCard,
  managementKey: Uint8Array,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  try {
    return await card.transaction(async (tx) => {
      await authenticateManagement(tx, managementKey);
      return work(tx);
    });
  } finally {
    managementKey.fill(0);
  }
}
