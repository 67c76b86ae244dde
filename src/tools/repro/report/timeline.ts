/** The timeline of a run as SVG: a lane for the process that holds, and one per session. */
import type { ReproResult, ReproRun } from '../result.js';
import { type Lane, type LaneKind, meaningOf, seconds, sessionOf } from './lanes.js';
import { escapeHtml } from './markup.js';

const labelWidth = 110;
const barWidth = 760;
/** For the half of the last mark's words. */
const margin = 24;
/** However short, a bar is to be seen. */
const leastWidth = 4;
/** At most what a character of the words takes, and what is left free beside them. */
const characterWidth = 7.5;
const gap = 8;
/** With more sessions than this, lanes are thin. */
const fewSessions = 16;

/** Between two marks of the time axis, in milliseconds. */
const steps = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 120_000];

export function legend(): string {
  const parts = (Object.keys(meaningOf) as LaneKind[]).map(
    (kind) => `<span><i class="${kind}"></i>${escapeHtml(meaningOf[kind])}</span>`,
  );
  return `<p class="legend">${parts.join(' ')}</p>`;
}

/** `scale`: the end of the time axis, in milliseconds, the same for all runs. */
export function timeline(result: ReproResult, run: ReproRun, lanes: readonly Lane[], scale: number): string {
  const thin = lanes.length > fewSessions;
  const laneHeight = thin ? 14 : 26;
  const inset = thin ? 2 : 4;
  const height = (lanes.length + 1) * laneHeight + 24;
  const x = (ms: number) => labelWidth + (ms / scale) * barWidth;
  const baseline = (row: number) => row * laneHeight + (thin ? 11 : 17);
  const text = (row: number, from: number, to: number, words: string, look = '') =>
    words && from + gap + words.length * characterWidth <= to
      ? `<text class="words ${look}" x="${(from + gap).toFixed(1)}" y="${baseline(row)}">${escapeHtml(words)}</text>`
      : '';
  const bar = (row: number, from: number, to: number, look: string, title: string, words = '') => {
    const width = Math.max(leastWidth, x(to) - x(from));
    const box = `x="${x(from).toFixed(1)}" y="${row * laneHeight + inset}" width="${width.toFixed(1)}" height="${laneHeight - 2 * inset}"`;
    const inside = thin ? '' : text(row, x(from), x(from) + width, words, look);
    return `<rect class="${look}" ${box} rx="2"><title>${escapeHtml(title)}</title></rect>${inside}`;
  };
  const label = (row: number, name: string) =>
    `<text class="lane" x="0" y="${baseline(row)}">${escapeHtml(name)}</text>`;

  const held = sessionOf(result, run.heldReader);
  const holding = `holds ${held}'s card for ${seconds(run.releasedMs)}`;
  const holder = label(0, 'other process') + bar(0, 0, run.releasedMs, 'held', holding, holding);
  const sessions = lanes.map((lane, index) => {
    const row = index + 1;
    const waitsFor = run.logons.find(({ session }) => session === lane.session)?.blockedBy;
    const bars = lane.segments.map(({ kind, startMs, endMs }) => {
      const title = `session ${lane.session}: ${meaningOf[kind]}, ${seconds(endMs - startMs)}`;
      if (kind === 'held') return bar(row, startMs, endMs, 'held faint', title, 'its card is held');
      const words = kind === 'waiting' && waitsFor ? `waits for ${sessionOf(result, waitsFor)}` : '';
      return bar(row, startMs, endMs, kind, title, words);
    });
    // The outcome, if there is room beside the last bar.
    const end = Math.max(
      ...lane.segments.map(({ startMs, endMs }) => Math.max(x(endMs), x(startMs) + leastWidth)),
    );
    const note = text(row, end, labelWidth + barWidth, lane.note, 'beside');
    return label(row, `session ${lane.session}`) + bars.join('') + note;
  });
  const step = steps.find((candidate) => scale / candidate <= 6) ?? scale;
  const ticks = Array.from({ length: Math.floor(scale / step) + 1 }, (_, index) => {
    const at = x(index * step).toFixed(1);
    return (
      `<line x1="${at}" y1="0" x2="${at}" y2="${height - 20}"/>` +
      `<text class="tick" x="${at}" y="${height - 5}">${index === 0 ? '0' : tick(index * step)}</text>`
    );
  });
  const told = lanes.map((lane) => `Session ${lane.session}: ${lane.note}.`).join(' ');
  const description = escapeHtml(`Timeline with the filter ${run.filter}. ${told}`);
  const size = `viewBox="0 0 ${labelWidth + barWidth + margin} ${height}"`;
  const look = thin ? ' class="thin"' : '';
  return `<svg${look} role="img" aria-label="${description}" ${size}>${ticks.join('')}${holder}${sessions.join('')}</svg>`;
}

function tick(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}

export const timelineStyle = `
svg { display: block; width: 100%; min-width: 48rem; height: auto; font: 13px system-ui, sans-serif; }
svg.thin { font-size: 11px; }
svg text { fill: currentColor; }
svg line { stroke: var(--line); }
svg .tick { font-size: 11px; text-anchor: middle; fill: var(--quiet); }
svg .words { font-size: 12px; fill: var(--on-bar); }
svg.thin .words { font-size: 10px; }
svg .words.faint { fill: currentColor; }
svg .words.beside { fill: var(--quiet); }
rect.held { fill: var(--held); } rect.waiting { fill: var(--waiting); } rect.logon { fill: var(--logon); }
rect.faint { opacity: .35; }
.legend span { margin-right: 1.5rem; white-space: nowrap; }
.legend i { display: inline-block; width: .9em; height: .9em; margin-right: .4em; border-radius: 2px; vertical-align: -.1em; }
i.held { background: var(--held); } i.waiting { background: var(--waiting); } i.logon { background: var(--logon); }
@media print {
  svg { min-width: 0; }
  rect, i { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
