/** The result as one self-contained page: verdict, timeline, table, data. No network. */
import type { ReproResult, ReproRun } from '../harness/result.js';
import { filterMeaning, lanesOf, seconds, summaryOf, timeScale, verdictSentence } from './lanes.js';
import { escapeHtml } from './markup.js';
import { legend, timeline, timelineStyle } from './timeline.js';

/** A longer table is folded away: the timeline tells the same. */
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
  return `<h2>Filter ${run.filter}</h2>
<p>${escapeHtml(filterMeaning[run.filter])}.</p>
${timeline(result, run, lanes, scale)}
<ul>${summaryOf(run)
    .map((line) => `<li>${escapeHtml(line)}</li>`)
    .join('')}</ul>
<details${run.logons.length > longTable ? '' : ' open'}><summary>${run.logons.length} logons</summary>
${logonTable(result, run)}</details>`;
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

const style = `
:root { color-scheme: light dark; --held: #8250df; --waiting: #cf222e; --logon: #1a7f37; --line: #8884; }
@media (prefers-color-scheme: dark) { :root { --held: #a371f7; --waiting: #f85149; --logon: #3fb950; } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 0; }
.verdict { font-weight: 600; padding: .75rem 1rem; border-left: .35rem solid var(--waiting); background: #8881; }
.verdict.fixed { border-color: var(--logon); }
${timelineStyle}
summary { cursor: pointer; padding: .3rem 0; } summary:focus-visible, a:focus-visible { outline: 2px solid var(--held); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
@media print { main { max-width: none; } svg, tr { break-inside: avoid; } }
`;
