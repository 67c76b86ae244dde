/** pcsc-bridge piv: a quick check of a PIV card. */
import { createHash, verify } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { CardBridge, type Transaction } from '../../index.js';
import {
  algorithmOf,
  logon,
  type PivSlot,
  pinRetriesLeft,
  publicKeyOf,
  readCertificate,
  SLOTS,
  selectPiv,
  sign,
  verifyPin,
} from '../../piv/index.js';
import { runCommand } from './command.js';
import { notify, print, printJson } from './output.js';
import { askPin } from './pin.js';
import { chooseReader } from './seen-readers.js';
import { table } from './table.js';

interface PivCommandOptions {
  reader?: string;
  slot: PivSlot;
  json?: boolean;
  out?: string;
}

type Work = (card: Transaction, options: PivCommandOptions, signal: AbortSignal) => Promise<void>;

export function pivCommand(): Command {
  return new Command('piv')
    .description('check a PIV card: its certificate, the PIN, a signature, a whole logon')
    .addHelpText(
      'after',
      '\nThe PIN comes from the environment variable PCSC_BRIDGE_PIN, or is asked for. A wrong one costs a try.',
    )
    .addCommand(
      part('certificate', 'read the certificate of a slot; needs no PIN', showCertificate)
        .addOption(slotOption())
        .option('--out <file>', 'write it (PEM)'),
    )
    .addCommand(part('verify', 'verify the PIN', checkPin))
    .addCommand(
      part('sign', 'sign a file with the key of a slot (SHA-256; the signature is DER or PKCS #1)', signFile)
        .argument('<file>')
        .addOption(slotOption())
        .requiredOption('--out <file>', 'where to write the signature'),
    )
    .addCommand(part('logon', 'what a logon does: certificate, PIN, signature of a challenge', tryLogon));
}

function part(name: string, description: string, work: Work): Command {
  return new Command(name)
    .description(description)
    .option(
      '--reader <name>',
      'name, part of it, or number in the list of "readers"; else the one with a card',
    )
    .option('--json', 'as data')
    .action((...given: unknown[]) => {
      const command = given.at(-1) as Command;
      const options = { ...command.opts<PivCommandOptions>(), file: command.args[0] };
      return runCommand(`piv ${name}`, async (signal) => {
        await using bridge = new CardBridge();
        await using session = await bridge.openSession();
        const reader = await chooseReader(session, options.reader, signal);
        await using card = await session.connect(reader.name, { signal });
        // Reset at the end: the PIN does not stay verified.
        await card.transaction((tx) => work(tx, options, signal), { signal, disposition: 'reset' });
        return undefined;
      });
    });
}

function slotOption(): Option {
  return new Option('--slot <slot>', 'which key').choices(Object.keys(SLOTS)).default('9A');
}

async function showCertificate(card: Transaction, { slot, out, json }: PivCommandOptions): Promise<void> {
  await selectPiv(card);
  const certificate = await readCertificate(card, slot);
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
    printJson({ schema: 1, slot, ...facts, pem: certificate.toString() });
    return;
  }
  const rows = Object.entries(facts).map(([name, value]) => [name, value]);
  print(table(['slot', slot], rows));
}

async function checkPin(card: Transaction, { json }: PivCommandOptions): Promise<void> {
  await selectPiv(card);
  const before = await pinRetriesLeft(card);
  if (before !== undefined && !json) notify(`${before} tries left`);
  await verifyPin(card, await askPin());
  if (json) printJson({ schema: 1, verified: true }, 0);
  else print('The PIN is right.');
}

async function signFile(card: Transaction, options: PivCommandOptions & { file?: string }): Promise<void> {
  const { slot, json, file = '', out = '' } = options;
  const content = await readFile(file);
  await selectPiv(card);
  const publicKey = publicKeyOf(await readCertificate(card, slot));
  await verifyPin(card, await askPin());
  const signature = await sign(card, slot, createHash('sha256').update(content).digest(), publicKey);
  if (!verify('sha256', content, publicKey, signature)) {
    throw new Error(`the signature does not fit the certificate of slot ${slot}: nothing was written`);
  }
  await writeFile(out, signature);
  const bytes = signature.length;
  if (json) printJson({ schema: 1, slot, algorithm: algorithmOf(publicKey), out, bytes }, 0);
  else print(`Signed ${file} with the key of slot ${slot}: ${out}, ${bytes} bytes; it fits the certificate.`);
}

async function tryLogon(card: Transaction, { json }: PivCommandOptions): Promise<void> {
  const pin = await askPin();
  const { subject, algorithm, steps, durationMs } = await logon(card, pin);
  if (json) {
    printJson({ schema: 1, subject, algorithm, durationMs, steps });
    return;
  }
  const rows = steps.map(({ step, durationMs: ms }) => [step.replaceAll('-', ' '), `${ms.toFixed(1)} ms`]);
  print(table(['step', 'time'], [...rows, ['in all', `${durationMs.toFixed(1)} ms`]], ['left', 'right']));
  print(`Logged on: ${subject.replaceAll('\n', ', ')} (${algorithm}).`);
}
