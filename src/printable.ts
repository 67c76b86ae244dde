/** Text from readers, cards and agents, made fit for a terminal. */

/** Controls (C0, C1, DEL), formats (direction, joiners), halves of pairs, and code points that have no agreed look. */
const unseen = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** The text with a question mark for every character that is not seen: nothing in it steers a terminal or ends a line. */
export function printable(text: string): string {
  return text.replace(unseen, '?');
}

/** JSON as it is, with those characters escaped where JSON leaves them raw: the data stays the same. */
export function printableJson(json: string): string {
  return json.replace(unseen, (character) => (character === '\n' ? character : escaped(character)));
}

function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, i) => {
    return `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  }).join('');
}
