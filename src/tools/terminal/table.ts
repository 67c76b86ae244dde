/** Tables without lines around them: aligned columns for people. */
import Table, { type HorizontalAlignment } from 'cli-table3';
import { printable } from '../../printable.js';

const noLines = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid'].flatMap((side) => [
    [side, ''],
    [`${side}-mid`, ''],
    [`${side}-left`, ''],
    [`${side}-right`, ''],
  ]),
);

/** An empty one; `middle` goes between columns. */
export function plainTable(middle: string, colAligns: HorizontalAlignment[] = []): Table.Table {
  return new Table({
    chars: { ...noLines, middle },
    style: { 'padding-left': 0, 'padding-right': 0, compact: true, head: [], border: [] },
    colAligns,
  });
}

/** As text, without blanks at the ends of lines. */
export function trimmed(table: Table.Table): string {
  return table.toString().replace(/[ \t]+$/gm, '');
}

/** A table of texts that may come from outside. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  aligns: readonly ('left' | 'right')[] = [],
): string {
  const made = plainTable(
    '  ',
    head.map((_, column) => aligns[column] ?? 'left'),
  );
  made.push([...head], ...rows.map((row) => row.map(printable)));
  return trimmed(made);
}
