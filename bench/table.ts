/** The figures for people: against their goals, and beside the other libraries. */

import picocolors from 'picocolors';
import { plainTable, trimmed } from '#table';
import { C, OURS, type Standing } from './contenders.js';
import { type Goal, goals, meets } from './goals.js';
import type { Results } from './recorder.js';

/** Colour for a terminal, and only there. */
const pc = picocolors.createColors(process.stdout.isTTY === true && !process.env['NO_COLOR']);

/** One line per figure with a goal that was measured or tried. */
export function goalTable({ metrics, details }: Results): string {
  const table = plainTable('  ', ['left', 'right', 'right', 'left', 'left']);
  table.push(['figure', 'now', 'goal', '', 'what']);
  for (const goal of goals) {
    const value = metrics[goal.name];
    const failure = details.failures[goal.name];
    if (value !== undefined) {
      table.push([goal.name, show(value, goal.unit), limit(goal), verdict(goal, value), goal.text]);
    } else if (failure !== undefined) {
      table.push([goal.name, '', limit(goal), pc.red('failed'), failure]);
    }
  }
  return trimmed(table);
}

/** One line per library and comparison: median, middle 80 %, and the ratio to C. */
export function comparisonTable({ details }: Results): string {
  const table = plainTable('  ', ['left', 'left', 'right', 'right', 'right', 'right']);
  table.push(['comparison', 'library', 'median', '10-90 %', 'over C', '10-90 %']);
  for (const [name, detail] of Object.entries(details)) {
    if (!isComparison(detail)) continue;
    for (const [who, standing] of Object.entries(detail)) {
      const label = who === C ? name.replace(/(_p50)?_vs_c$/, '') : '';
      const library = who === OURS ? pc.bold(who) : who;
      if ('failed' in standing) {
        table.push([label, library, { colSpan: 4, content: `failed: ${standing.failed}` }]);
        continue;
      }
      const { figure, vsC, unit } = standing;
      table.push([
        label,
        library,
        show(figure.p50, unit),
        `${digits(figure.p10)} - ${digits(figure.p90)}`,
        digits(vsC.p50),
        `${digits(vsC.p10)} - ${digits(vsC.p90)}`,
      ]);
    }
  }
  return trimmed(table);
}

function isComparison(detail: unknown): detail is Record<string, Standing | { failed: string }> {
  return typeof detail === 'object' && detail !== null && C in detail && hasRatio(Object(detail)[C]);
}

function hasRatio(standing: unknown): boolean {
  return typeof standing === 'object' && standing !== null && 'vsC' in standing;
}

function verdict(goal: Goal, value: number): string {
  return meets(goal, value) ? pc.green('met') : pc.yellow('missed');
}

function limit({ at, limit: value, unit }: Goal): string {
  return `${at === 'most' ? '<=' : '>='} ${show(value, unit)}`;
}

function show(value: number, unit: string): string {
  return unit === '' ? String(value) : `${digits(value)} ${unit}`;
}

function digits(value: number): string {
  if (Math.abs(value) >= 1000) return value.toFixed(0);
  return Math.abs(value) >= 100 ? value.toFixed(1) : value.toFixed(2);
}
