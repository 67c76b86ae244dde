/** Commands about the PIN and the PUK. */
import type { Command } from 'commander';
import {
  changePin,
  changePuk,
  readDiscovery,
  retriesLeft,
  unblockPin,
  verifyPin,
} from '../../../piv/index.js';
import { notify, print, printJson } from '../output.js';
import { type PivCard, type PivCommandOptions, part } from './card.js';
import { askNewPin, askNewPuk, askPin, askPuk } from './secrets.js';

export function pinCommands(): Command[] {
  return [
    part('verify', 'verify the PIN', checkPin),
    part('change-pin', 'replace the PIN by a new one', replacePin),
    part('unblock-pin', 'set a new PIN with the PUK', resetPin),
    part('change-puk', 'replace the PUK by a new one', replacePuk),
  ];
}

async function checkPin(card: PivCard, { json }: PivCommandOptions, signal: AbortSignal): Promise<void> {
  const { reference, left } = await primaryPin(card);
  if (left !== undefined && !json) notify(`${left} tries left`);
  const pin = await askPin(signal);
  await card.transaction((tx) => verifyPin(tx, pin, { reference }));
  if (json) printJson({ verified: true }, 0);
  else print('The PIN is correct.');
}

async function replacePin(card: PivCard, { json }: PivCommandOptions, signal: AbortSignal): Promise<void> {
  const { reference } = await primaryPin(card);
  const pin = await askPin(signal);
  const newPin = await askNewPin(signal);
  await card.transaction((tx) => changePin(tx, pin, newPin, { reference }));
  done('The PIN is changed.', json);
}

async function resetPin(card: PivCard, { json }: PivCommandOptions, signal: AbortSignal): Promise<void> {
  const puk = await askPuk(signal);
  const newPin = await askNewPin(signal);
  await card.transaction((tx) => unblockPin(tx, puk, newPin));
  done('The PIN is unblocked, and changed.', json);
}

async function replacePuk(card: PivCard, { json }: PivCommandOptions, signal: AbortSignal): Promise<void> {
  const puk = await askPuk(signal);
  const newPuk = await askNewPuk(signal);
  await card.transaction((tx) => changePuk(tx, puk, newPuk));
  done('The PUK is changed.', json);
}

/** The PIN that the cardholder knows, by the card's discovery object. */
function primaryPin(card: PivCard) {
  return card.transaction(async (tx) => {
    const { primaryPin: reference } = await readDiscovery(tx);
    return { reference, left: await retriesLeft(tx, reference) };
  });
}

function done(sentence: string, json: boolean | undefined): void {
  if (json) printJson({ changed: true }, 0);
  else print(sentence);
}
