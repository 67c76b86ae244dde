/** pcsc-bridge piv: a quick check of a PIV card. */
import { createHash, verify } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { type Card, CardBridge, type Transaction } from '../../index.js';
import {
  algorithmOf,
  logon,
  type PivSlot,
  publicKeyOf,
  readCertificate,
  retriesLeft,
  SLOTS,
  selectPiv,
  sign,
  verifyPin,
} from '../../piv/index.js';
import { table } from '../terminal/table.js';
import { runCommand } from './command.js';
import { notify, print, printJson } from './output.js';
import { askPin } from './pin.js';
import { chooseReader } from './seen-readers.js';

interface PivCommandOptions {
  reader?: string;
  slot: PivSlot;
  json?: boolean;
  out?: string;
}

type Work = (card: PivCard, options: PivCommandOptions, signal: AbortSignal) => Promise<void>;

/** A connected card, for transactions that begin with the selection of PIV. */
class PivCard {
  constructor(
    readonly card: Card,
    readonly signal: AbortSignal,
  ) {}

  /**
   * Ends with a reset of the card, so that no PIN stays verified. Never prompts inside the transaction, because other
   * programs wait for the card.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const run = async (tx: Transaction) => {
      await selectPiv(tx);
      return work(tx);
    };
    return this.card.transaction(run, { signal: this.signal, disposition: 'reset' });
  }
}

export function pivCommand(): Command {
  return new Command('piv')
    .description('check a PIV card: its certificate, its PIN, a signature, a whole logon')
    .addHelpText(
      'after',
      '\nThe PIN comes from the environment variable PCSC_BRIDGE_PIN or from a prompt. A wrong PIN costs a try.',
    )
    .addCommand(
      part('certificate', 'read the certificate of a slot; needs no PIN', showCertificate)
        .addOption(slotOption())
        .option('--out <file>', 'write the certificate to this file (PEM)'),
    )
    .addCommand(part('verify', 'verify the PIN', checkPin))
    .addCommand(
      part('sign', 'sign a file with the key of a slot (SHA-256; the signature is DER or PKCS #1)', signFile)
        .argument('<file>')
        .addOption(slotOption())
        .requiredOption('--out <file>', 'where to write the signature'),
    )
    .addCommand(
      part('logon', 'do the steps of a logon: certificate, PIN, signature of a challenge', tryLogon),
    );
}

function part(name: string, description: string, work: Work): Command {
  return new Command(name)
    .description(description)
    .option(
      '--reader <name>',
      'name, part of it, or number in the list of "readers"; default: the only reader with a card',
    )
    .option('--json', 'as data')
    .action((...given: unknown[]) => {
      const command = given.at(-1) as Command;
      const options = { ...command.opts<PivCommandOptions>(), file: command.args[0] };
      return runCommand(`piv ${name}`, async (signal) => {
        await using bridge = new CardBridge();
        await using session = await bridge.openSession();
        const { reader } = await chooseReader(session, options.reader, signal);
        await using card = await session.connect(reader, { signal });
        await work(new PivCard(card, signal), options, signal);
        return undefined;
      });
    });
}

function slotOption(): Option {
  return new Option('--slot <slot>', 'which key').choices(Object.keys(SLOTS)).default('9A');
}

async function showCertificate(card: PivCard, { slot, out, json }: PivCommandOptions): Promise<void> {
  const certificate = await card.transaction((tx) => readCertificate(tx, slot));
  if (out !== undefined) await writeFile(out, certificate.toString());
  const facts = {
    subject: certificate.subject.replaceAll('\n', ', '),
    issuer: certificate.issuer.replaceAll('\n', ', '),
    validFrom: certificate.validFrom,
    validTo: certificate.validTo,
    key: algorithmOf(publicKeyOf(certificate)),
    fingerprint256: certificate.fingerprint256,
  };
  if (json) {
    printJson({ slot, ...facts, pem: certificate.toString() });
    return;
  }
  const rows = Object.entries(facts).map(([name, value]) => [name, value]);
  print(table(['slot', slot], rows));
}

async function checkPin(card: PivCard, { json }: PivCommandOptions, signal: AbortSignal): Promise<void> {
  const before = await card.transaction((tx) => retriesLeft(tx));
  if (before !== undefined && !json) notify(`${before} tries left`);
  const pin = await askPin(signal);
  await card.transaction((tx) => verifyPin(tx, pin));
  if (json) printJson({ verified: true }, 0);
  else print('The PIN is correct.');
}

async function signFile(
  card: PivCard,
  options: PivCommandOptions & { file?: string },
  signal: AbortSignal,
): Promise<void> {
  const { slot, json, file = '', out = '' } = options;
  const content = await readFile(file);
  const publicKey = publicKeyOf(await card.transaction((tx) => readCertificate(tx, slot)));
  const pin = await askPin(signal);
  const signature = await card.transaction(async (tx) => {
    await verifyPin(tx, pin);
    return sign(tx, slot, createHash('sha256').update(content).digest(), publicKey);
  });
  if (!verify('sha256', content, publicKey, signature)) {
    throw new Error(`the signature does not match the certificate of slot ${slot}: nothing was written`);
  }
  await writeFile(out, signature);
  const bytes = signature.length;
  if (json) printJson({ slot, algorithm: algorithmOf(publicKey), out, bytes }, 0);
  else
    print(`Signed ${file} with the key of slot ${slot}: ${out}, ${bytes} bytes; it matches the certificate.`);
}

async function tryLogon(card: PivCard, { json }: PivCommandOptions, signal: AbortSignal): Promise<void> {
  const pin = await askPin(signal);
  const { subject, algorithm, steps, durationMs } = await card.transaction((tx) => logon(tx, pin));
  if (json) {
    printJson({ subject, algorithm, durationMs, steps });
    return;
  }
  const rows = steps.map(({ step, durationMs: ms }) => [step.replaceAll('-', ' '), `${ms.toFixed(1)} ms`]);
  print(table(['step', 'time'], [...rows, ['in all', `${durationMs.toFixed(1)} ms`]], ['left', 'right']));
  print(`Logged on: ${subject.replaceAll('\n', ', ')} (${algorithm}).`);
}
