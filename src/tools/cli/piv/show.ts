/** Commands that only read: list, certificate, attest. */
import type { X509Certificate } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { toHex } from '../../../apdu/index.js';
import type { Transaction } from '../../../index.js';
import {
  attest,
  describeKey,
  PivError,
  type PivSlot,
  publicKeyOf,
  readCertificate,
  readDiscovery,
  readGuid,
  retriesLeft,
  subjectOf,
} from '../../../piv/index.js';
import { table } from '../../terminal/table.js';
import { print, printJson } from '../output.js';
import { type PivCard, type PivCommandOptions, part, SLOT_NAMES, slotOption } from './card.js';

export function listCommand(): Command {
  return part('list', 'list the certificates of all slots, the GUID, and the tries left; needs no PIN', list);
}

export function certificateCommand(): Command {
  return part('certificate', 'read the certificate of a slot; needs no PIN', showCertificate)
    .addOption(slotOption())
    .option('--out <file>', 'write the certificate to this file (PEM)');
}

export function attestCommand(): Command {
  return part('attest', 'let a YubiKey certify that it made the key of a slot itself', showAttestation)
    .addOption(slotOption())
    .option('--out <file>', 'write the certificate to this file (PEM)');
}

async function list(card: PivCard, { json }: PivCommandOptions): Promise<void> {
  const { certificates, ...facts } = await card.transaction(async (tx) => {
    const { primaryPin } = await readDiscovery(tx);
    return {
      guid: await orUndefined(
        readGuid(tx).then((guid) => toHex(guid)),
        'PIV_NO_GUID',
      ),
      primaryPin,
      pinRetriesLeft: await retriesLeft(tx, primaryPin),
      pukRetriesLeft: await retriesLeft(tx, 'puk'),
      certificates: await certificatesOf(tx),
    };
  });
  if (json) {
    printJson({ ...facts, certificates });
    return;
  }
  const rows = certificates.map(({ slot, key, subject, validTo, problem }) => [
    slot,
    key ?? '',
    problem ?? (subject || 'no subject'),
    validTo ?? '',
  ]);
  print(table(['slot', 'key', 'subject', 'valid until'], rows));
  print(`GUID ${facts.guid ?? 'missing'}`);
  print(`${facts.primaryPin === 'global' ? 'Global PIN' : 'PIN'}: ${tries(facts.pinRetriesLeft)}`);
  if (facts.pukRetriesLeft !== undefined) print(`PUK: ${tries(facts.pukRetriesLeft)}`);
}

interface ListedCertificate {
  slot: PivSlot;
  key?: string;
  subject?: string;
  validTo?: string;
  /** Why it cannot be shown. */
  problem?: string;
}

/** A certificate that cannot be read does not hide the others. */
async function certificatesOf(tx: Transaction): Promise<ListedCertificate[]> {
  const found: ListedCertificate[] = [];
  for (const slot of SLOT_NAMES) {
    try {
      const { key, subject, validTo } = factsOf(await readCertificate(tx, slot));
      found.push({ slot, key, subject, validTo });
    } catch (error) {
      if (!(error instanceof PivError)) throw error;
      if (error.code !== 'PIV_NO_CERTIFICATE') found.push({ slot, problem: error.message });
    }
  }
  return found;
}

async function showCertificate(card: PivCard, options: PivCommandOptions): Promise<void> {
  await show(await card.transaction((tx) => readCertificate(tx, options.slot)), options);
}

async function showAttestation(card: PivCard, options: PivCommandOptions): Promise<void> {
  await show(await card.transaction((tx) => attest(tx, options.slot)), options);
}

async function show(certificate: X509Certificate, { slot, out, json }: PivCommandOptions): Promise<void> {
  const facts = factsOf(certificate);
  if (out !== undefined) await writeFile(out, certificate.toString());
  if (json) printJson({ slot, ...facts, pem: certificate.toString() });
  else print(table(['slot', slot], Object.entries(facts)));
}

/** What commands print. The key may be of any kind, or unreadable. */
function factsOf(certificate: X509Certificate) {
  return {
    subject: subjectOf(certificate).replaceAll('\n', ', '),
    issuer: ((certificate.issuer as string | undefined) ?? '').replaceAll('\n', ', '),
    validFrom: certificate.validFrom,
    validTo: certificate.validTo,
    key: keyOf(certificate),
    fingerprint256: certificate.fingerprint256,
  };
}

function keyOf(certificate: X509Certificate): string {
  try {
    return describeKey(publicKeyOf(certificate));
  } catch {
    return 'of a kind that cannot be read';
  }
}

function tries(left: number | undefined): string {
  if (left === undefined) return 'tries unknown';
  return left === 0 ? 'blocked' : `${left} ${left === 1 ? 'try' : 'tries'} left`;
}

async function orUndefined<T>(work: Promise<T>, code: string): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof PivError && error.code === code) return undefined;
    throw error;
  }
}
