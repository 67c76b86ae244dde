/** The result as one self-contained page: verdict, timeline, table, data. No network. */
import type { ReproResult, ReproRun } from '../harness/result.js';
import {
  filterMeaning,
  type Lane,
  type LaneKind,
  lanesOf,
  seconds,
  timeScale,
  verdictSentence,
} from './lanes.js';

const laneHeight = 26;
const labelWidth = 110;
const barWidth = 760;
const meaning: Record<LaneKind, string> = {
  held: 'card held by another process',
  waiting: "waiting for somebody's card",
  logon: 'logging on',
};

export function htmlReport(result: ReproResult): string {
  const scale = timeScale(result);
  const json = JSON.stringify(result, null, 2);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Smart card logons: ${escapeHtml(result.verdict)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Smart card logons while another user's card is held</h1>
<p class="verdict ${result.verdict}">${escapeHtml(verdictSentence(result))}</p>
<p>${result.sessions.length} sessions, each with its own card. Another process held a transaction on
session ${result.sessions[0]?.id}'s card for ${seconds(result.holdMs)} while the others logged on
(Microsoft KB949538).</p>
<p class="legend">${(Object.keys(meaning) as LaneKind[])
    .map((kind) => `<span><i class="${kind}"></i>${escapeHtml(meaning[kind])}</span>`)
    .join(' ')}</p>
${result.runs.map((run) => runHtml(result, run, scale)).join('\n')}
<h2>Environment</h2>
<table>${Object.entries(result.environment)
    .map(([name, value]) => `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`)
    .join('')}</table>
<p><a download="repro.json" href="data:application/json;base64,${Buffer.from(json).toString('base64')}">Download
the result as JSON</a></p>
</main>
</body>
</html>
`;
}

function runHtml(result: ReproResult, run: ReproRun, scale: number): string {
  const lanes = lanesOf(result, run);
  return `<h2>Filter ${run.filter}</h2>
<p>${escapeHtml(filterMeaning[run.filter])}.</p>
${timeline(run, lanes, scale)}
${logonTable(result, run)}`;
}

function timeline(run: ReproRun, lanes: readonly Lane[], scale: number): string {
  const height = lanes.length * laneHeight + 24;
  const text = lanes.map((lane) => `Session ${lane.session}: ${lane.note}.`).join(' ');
  const x = (ms: number) => labelWidth + (ms / scale) * barWidth;
  const rows = lanes.map((lane, row) => {
    const y = row * laneHeight;
    const bars = lane.segments.map(({ kind, startMs, endMs }) => {
      const width = Math.max(2, x(endMs) - x(startMs));
      const title = `session ${lane.session}: ${meaning[kind]}, ${seconds(endMs - startMs)}`;
      return `<rect class="${kind}" x="${x(startMs).toFixed(1)}" y="${y + 4}" width="${width.toFixed(1)}" height="${laneHeight - 8}" rx="2"><title>${escapeHtml(title)}</title></rect>`;
    });
    return `<text x="0" y="${y + 17}">session ${lane.session}</text>${bars.join('')}`;
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const at = x(part * scale);
    const anchor = part === 1 ? 'end' : part === 0 ? 'start' : 'middle';
    return `<line x1="${at}" y1="0" x2="${at}" y2="${height - 20}"/><text class="tick" x="${at}" y="${height - 5}" text-anchor="${anchor}">${seconds(part * scale)}</text>`;
  });
  return `<svg role="img" aria-label="${escapeHtml(`Timeline with the filter ${run.filter}. ${text}`)}" viewBox="0 0 ${labelWidth + barWidth} ${height}">${ticks.join('')}${rows.join('')}</svg>`;
}

function logonTable(result: ReproResult, run: ReproRun): string {
  const rows = run.logons.map((logon) => {
    const blocker = result.sessions.find(({ reader }) => reader === logon.blockedBy);
    const cells = [
      `session ${logon.session}`,
      seconds(logon.durationMs),
      seconds(logon.waitedMs),
      blocker ? `session ${blocker.id}` : (logon.blockedBy ?? 'nobody'),
      String(logon.evaluated.length),
      logon.ok ? 'logged on' : `failed: ${logon.error}`,
    ];
    return `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`;
  });
  const heads = ['Session', 'Logon took', 'Waited', 'Blocked by', 'Cards evaluated', 'Outcome'];
  return `<table><thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join('')}</tr></thead>
<tbody>${rows.join('\n')}</tbody></table>`;
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (character) => entities[character] ?? character);
}

const style = `
:root { color-scheme: light dark; --held: #8250df; --waiting: #cf222e; --logon: #1a7f37; --line: #8884; }
@media (prefers-color-scheme: dark) { :root { --held: #a371f7; --waiting: #f85149; --logon: #3fb950; } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 56rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 0; }
.verdict { font-weight: 600; padding: .75rem 1rem; border-left: .35rem solid var(--waiting); background: #8881; }
.verdict.fixed { border-color: var(--logon); }
svg { width: 100%; height: auto; font: 13px system-ui, sans-serif; } svg text { fill: currentColor; }
svg line { stroke: var(--line); } svg .tick { font-size: 11px; opacity: .7; }
rect.held { fill: var(--held); } rect.waiting { fill: var(--waiting); } rect.logon { fill: var(--logon); }
.legend span { margin-right: 1.5rem; white-space: nowrap; } .legend i { display: inline-block; width: .9em; height: .9em; margin-right: .4em; border-radius: 2px; vertical-align: -.1em; }
i.held { background: var(--held); } i.waiting { background: var(--waiting); } i.logon { background: var(--logon); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); }
@media print { main { max-width: none; } rect, i { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
`;
