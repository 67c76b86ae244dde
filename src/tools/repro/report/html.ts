/** The result as one self-contained page: verdict, timeline, table, data. No network. */
import type { ReproResult, ReproRun } from '../result.js';
import { filterMeaning, lanesOf, seconds, summaryOf, timeScale, verdictSentence } from './lanes.js';
import { escapeHtml } from './markup.js';
import { legend, timeline, timelineStyle } from './timeline.js';

/** A longer table is collapsed: the timeline shows the same data. */
const longTable = 16;

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
${legend()}
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
  return `<h2>Filter ${run.filter}: ${escapeHtml(filterMeaning[run.filter])}</h2>
${wide(`Timeline, filter ${run.filter}`, timeline(result, run, lanes, scale))}
<ul>${summaryOf(run)
    .map((line) => `<li>${escapeHtml(line)}</li>`)
    .join('')}</ul>
<details${run.logons.length > longTable ? '' : ' open'}><summary>${run.logons.length} logons</summary>
${wide(`Logons, filter ${run.filter}`, logonTable(result, run))}</details>`;
}

/** What may be wider than a narrow window scrolls by itself, by keyboard as well. */
function wide(name: string, content: string): string {
  return `<div class="wide" role="region" tabindex="0" aria-label="${escapeHtml(name)}">${content}</div>`;
}

function logonTable(result: ReproResult, run: ReproRun): string {
  const rows = run.logons.map((logon) => {
    const blocker = result.sessions.find(({ reader }) => reader === logon.blockedBy);
    const cells = [
      `session ${logon.session}`,
      seconds(logon.durationMs),
      seconds(logon.waitedMs),
      blocker ? `session ${blocker.id}` : (logon.blockedBy ?? '-'),
      String(logon.evaluated.length),
      logon.ok ? 'logged on' : `failed: ${logon.error}`,
    ];
    return `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`;
  });
  const heads = ['Session', 'Logon took', 'Waited', 'Blocked by', 'Cards evaluated', 'Outcome'];
  return `<table><thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join('')}</tr></thead>
<tbody>${rows.join('\n')}</tbody></table>`;
}

const lightColors = `--held: #8250df; --waiting: #cf222e; --logon: #1a7f37; --neither: #9a6700;
  --on-bar: #fff; --quiet: #57606a; --line: #8884;`;

const style = `
:root { color-scheme: light dark; ${lightColors} }
@media (prefers-color-scheme: dark) {
  :root { --held: #a371f7; --waiting: #f85149; --logon: #3fb950; --neither: #d29922; --on-bar: #0d1117; --quiet: #9198a1; }
}
@media print { :root { color-scheme: light; ${lightColors} } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; color: CanvasText; background: Canvas; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.15rem; line-height: 1.3; margin: 2.5rem 0 .75rem; }
.verdict { --is: var(--waiting); font-size: 1.15rem; font-weight: 600; padding: .75rem 1rem; border-radius: .25rem;
  border-left: .35rem solid var(--is); background: color-mix(in srgb, var(--is) 10%, transparent); }
.verdict.fixed { --is: var(--logon); } .verdict.not-reproduced { --is: var(--neither); }
${timelineStyle}
.wide { overflow-x: auto; }
ul { padding-left: 1.25rem; }
summary { cursor: pointer; padding: .3rem 0; }
:focus-visible { outline: 2px solid var(--held); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--line); }
thead th { white-space: nowrap; } td { min-width: 4.5rem; overflow-wrap: break-word; } td:last-child { overflow-wrap: anywhere; }
@page { margin: 14mm; }
@media print {
  :root, body { font-size: 9.5pt; } main { max-width: none; padding: 0; } h2 { margin-top: 1.25rem; }
  svg, ul, details, table, tr { break-inside: avoid; } h2 { break-after: avoid; } .wide { overflow: visible; }
  .verdict { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  details:not([open]), a[download] { display: none; }
}
`;
