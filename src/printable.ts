/** Makes text from readers, cards and agents safe for a terminal. */

/**
 * Controls (C0, C1, DEL), formats (direction, joiners), lone surrogates, and code points without an agreed appearance.
 */
const unseen = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * Replaces every invisible character with a question mark, so that no character controls the terminal or ends a line.
 */
export function printable(text: string): string {
  return text.replace(unseen, '?');
}

/** Escapes those characters in JSON text if they are raw. The data stays the same. */
export function printableJson(json: string): string {
  return json.replace(unseen, (character) => (character === '\n' ? character : escaped(character)));
}

function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, i) => {
    return `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  }).join('');
}
