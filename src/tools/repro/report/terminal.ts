/** The result on a terminal: a timeline with a lane per session, who blocked whom, the verdict. */

import { colors } from '../../terminal/colors.js';
import { plainTable } from '../../terminal/table.js';
import type { ReproResult, ReproRun } from '../result.js';
import {
  filterMeaning,
  type Lane,
  type LaneKind,
  lanesOf,
  meaningOf,
  summaryOf,
  timeScale,
  verdictSentence,
} from './lanes.js';

const marks: Record<LaneKind, string> = { held: '█', waiting: '░', logon: '▓' };
const kindOf: Record<string, LaneKind> = { '█': 'held', '░': 'waiting', '▓': 'logon' };
const paint: Record<LaneKind, (text: string) => string> = {
  held: colors.magenta,
  waiting: colors.red,
  logon: colors.green,
};

/** The report as text, at most `width` columns wide if possible. */
export function terminalReport(result: ReproResult, width = 100): string {
  const scale = timeScale(result);
  const notes = result.runs.flatMap((run) => lanesOf(result, run).map(({ note }) => note.length));
  const columns = Math.max(24, Math.min(60, width - 'session 16  '.length - Math.max(0, ...notes)));
  const parts = result.runs.map((run) => runText(result, run, scale, columns));
  const verdict = result.verdict === 'fixed' ? colors.green : colors.red;
  const legend = (Object.keys(marks) as LaneKind[])
    .map((kind) => `${paint[kind](marks[kind])} ${meaningOf[kind]}`)
    .join('   ');
  return [...parts, legend, '', verdict(colors.bold(verdictSentence(result))), ''].join('\n');
}

function runText(result: ReproResult, run: ReproRun, scale: number, columns: number): string {
  const table = plainTable(' ');
  table.push(['', ruler(scale, columns), '']);
  for (const lane of lanesOf(result, run)) {
    table.push([`session ${lane.session}`, bar(lane, scale, columns), lane.note]);
  }
  return [
    `${colors.bold(`Filter ${run.filter}`)}: ${filterMeaning[run.filter]}`,
    table.toString(),
    '',
    ...summaryOf(run).map((line) => `  ${line}`),
    '',
  ].join('\n');
}

function bar(lane: Lane, scale: number, columns: number): string {
  const cells: (LaneKind | undefined)[] = Array.from({ length: columns });
  for (const { kind, startMs, endMs } of lane.segments) {
    const from = Math.min(columns - 1, Math.floor((startMs / scale) * columns));
    const to = Math.max(from + 1, Math.round((endMs / scale) * columns));
    cells.fill(kind, from, Math.min(columns, to));
  }
  const text = cells.map((kind) => (kind ? marks[kind] : ' ')).join('');
  return text.replace(/(█+)|(░+)|(▓+)/g, (run) => paint[kindOf[run.charAt(0)] ?? 'logon'](run));
}

/** Marks at whole seconds (or tenths, for short runs), as many as fit. */
function ruler(scale: number, columns: number): string {
  const steps = [50, 100, 250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000];
  const step = steps.find((candidate) => (candidate / scale) * columns >= 9) ?? scale;
  const cells = Array.from({ length: columns }, () => ' ');
  for (let time = 0; time <= scale; time += step) {
    const at = Math.round((time / scale) * columns);
    const label = `|${time < 1000 && time > 0 ? `${time} ms` : `${time / 1000} s`}`;
    if (at + label.length <= columns) cells.splice(at, label.length, ...label);
  }
  return colors.dim(cells.join(''));
}
