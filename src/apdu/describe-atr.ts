import { parseAtr } from './atr.js';
import { toHex } from './hex.js';
import { storageCardOf } from './storage-card.js';

/**
 * Describes an answer to reset: `T=1, historical bytes 80 73 C0 01 C0`. Historical bytes that are text are shown as
 * text, and those of a contactless storage card as its name.
 */
export function describeAtr(bytes: Uint8Array): string {
  const atr = parseAtr(bytes);
  if (!atr) return 'not an answer to reset';
  const { historicalBytes, checkByte, trailingBytes } = atr;
  const words = [atr.protocols.join(' and ')];
  if (atr.convention === 'inverse') words.push('inverse convention');
  if (historicalBytes.length > 0) {
    words.push(
      storageCardOf(historicalBytes)?.name ??
        textOf(historicalBytes) ??
        `historical bytes ${toHex(historicalBytes, ' ')}`,
    );
  }
  if (checkByte === 'wrong') words.push('wrong check byte');
  if (checkByte === 'missing') words.push('check byte missing');
  const more = trailingBytes.length;
  if (more > 0) words.push(`${more} ${more === 1 ? 'byte follows' : 'bytes follow'} the ATR`);
  return words.join(', ');
}

/** Historical bytes that are readable, in quotation marks. */
function textOf(bytes: Uint8Array): string | undefined {
  const isText = bytes.length > 2 && bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
  return isText ? `"${String.fromCharCode(...bytes)}"` : undefined;
}
