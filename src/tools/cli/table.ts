/** Aligned columns for people. */
import { printable } from '../../printable.js';
import { plainTable, trimmed } from '../repro/report/plain-table.js';

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
