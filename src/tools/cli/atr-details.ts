/** An answer to reset in full, for `readers --verbose`. */
import {
  type Atr,
  decodeHistoricalBytes,
  describeStatusWord,
  parseAtr,
  storageCardOf,
  toHex,
} from '../../apdu/index.js';

/** What is known about a card from its ATR, as data. Bytes are hexadecimal. */
export function atrData(bytes: Uint8Array, names: readonly string[]) {
  const atr = parseAtr(bytes);
  const interfaceBytes = Object.entries(atr?.interfaceBytes ?? {}).map(([name, value]) => [name, hex(value)]);
  if (!atr) return { names, atr: null };
  const { objects, lifeCycle, sw, rest, category } = decodeHistoricalBytes(atr.historicalBytes);
  return {
    names,
    storageCard: storageCardOf(atr.historicalBytes) ?? null,
    atr: {
      ...atr,
      interfaceBytes: Object.fromEntries(interfaceBytes),
      historicalBytes: {
        bytes: toHex(atr.historicalBytes),
        category,
        objects: objects.map(({ tag, name, value }) => ({
          tag: tag.toString(16),
          name,
          value: toHex(value),
        })),
        lifeCycle: lifeCycle === undefined ? null : hex(lifeCycle),
        sw: sw === undefined ? null : hex(sw, 4),
        rest: toHex(rest),
      },
      trailingBytes: toHex(atr.trailingBytes),
    },
  };
}

/** The same for people: a heading and a text for each line. */
export function atrLines(bytes: Uint8Array, names: readonly string[]): [heading: string, text: string][] {
  const lines: [string, string][] = [['ATR', toHex(bytes, ' ')]];
  const atr = parseAtr(bytes);
  if (!atr) return [...lines, ['', 'not an answer to reset']];
  lines.push(['convention', atr.convention], ['protocols', protocolsOf(atr)]);
  const all = Object.entries(atr.interfaceBytes).map(([name, value]) => `${name} ${hex(value)}`);
  if (all.length > 0) lines.push(['interface bytes', all.join(', ')]);
  lines.push(['timing', timingOf(atr)]);
  if (atr.t1) {
    const { ifsc, bwi, cwi, errorDetection } = atr.t1;
    lines.push(['T=1', `IFSC ${ifsc}, BWI ${bwi}, CWI ${cwi}, ${errorDetection}`]);
  }
  if (atr.global) lines.push(['T=15', globalOf(atr.global)]);
  lines.push(...historyOf(atr.historicalBytes));
  lines.push(['check byte', checkOf(atr)]);
  if (atr.trailingBytes.length > 0) lines.push(['after the ATR', toHex(atr.trailingBytes, ' ')]);
  const storage = storageCardOf(atr.historicalBytes);
  if (storage) {
    const name = storage.name ?? `card number ${hex(storage.cardNumber, 4)}`;
    lines.push(['storage card', [name, storage.standard ?? []].flat().join(', ')]);
  }
  for (const name of names) lines.push(['known as', name]);
  return lines;
}

function protocolsOf({ protocols, specificMode }: Atr): string {
  const list = protocols.join(', ');
  if (!specificMode) return list;
  const change = specificMode.canChange ? 'changed by a reset' : 'never changed';
  return `${list}; specific mode of ${specificMode.protocol}, ${change}`;
}

function timingOf({ fi, di, maxFrequency, extraGuardTime, waitingTime, protocols }: Atr): string {
  const words = [
    `Fi ${fi ?? 'reserved'}`,
    `Di ${di ?? 'reserved'}`,
    maxFrequency === undefined ? [] : `up to ${maxFrequency} MHz`,
    extraGuardTime === 255 ? 'minimal guard time' : `extra guard time ${extraGuardTime}`,
    protocols.includes('T=0') ? `WI ${waitingTime}` : [],
  ];
  return words.flat().join(', ');
}

function globalOf({ clockStop, classes, standardOrProprietaryUse }: NonNullable<Atr['global']>): string {
  const words = [
    clockStop === undefined
      ? []
      : clockStop === 'not supported'
        ? 'no clock stop'
        : `clock stop ${clockStop === 'any' ? 'in any state' : clockStop}`,
    classes && classes.length > 0 ? `class ${classes.join(', ')}` : [],
    standardOrProprietaryUse ? `${standardOrProprietaryUse} use of C6` : [],
  ].flat();
  return words.length > 0 ? words.join(', ') : 'nothing that is defined';
}

function historyOf(bytes: Uint8Array): [string, string][] {
  if (bytes.length === 0) return [];
  const { objects, lifeCycle, sw, rest, category } = decodeHistoricalBytes(bytes);
  const lines: [string, string][] = [['historical bytes', `${toHex(bytes, ' ')}${textOf(bytes)}`]];
  for (const { tag, name, value } of objects) {
    lines.push(['', `${name ?? `tag ${tag.toString(16).toUpperCase()}`}: ${toHex(value, ' ')}`]);
  }
  if (lifeCycle !== undefined) lines.push(['', `life cycle: ${hex(lifeCycle)}`]);
  if (sw !== undefined) lines.push(['', `status word: ${hex(sw, 4)} ${describeStatusWord(sw)}`]);
  if (rest.length > 0 && category !== 'proprietary') lines.push(['', `other bytes: ${toHex(rest, ' ')}`]);
  return lines;
}

function textOf(bytes: Uint8Array): string {
  const readable = bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
  return readable ? ` "${String.fromCharCode(...bytes)}"` : '';
}

function checkOf({ checkByte }: Atr): string {
  if (checkByte === 'missing') return 'missing, but a protocol other than T=0 is named';
  return checkByte === 'unused' ? 'none, as T=0 alone has it' : checkByte;
}

function hex(value: number, digits = 2): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}
