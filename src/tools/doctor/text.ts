/** The doctor's report as text: the verdict, then the steps, then the findings. */
import { printable } from '../../printable.js';
import { colors } from '../terminal/colors.js';
import type { DoctorReport, DoctorVerdict, Finding } from './report.js';

const titles: Record<DoctorVerdict, string> = {
  'not-affected': 'Not affected by KB949538',
  'hotfix-missing': 'Affected: the hotfix of KB949538 is missing',
  'hotfix-present-filter-off': 'Affected: the filter of KB949538 is off',
  'filter-on-restart-pending': 'The filter of KB949538 is on, but a restart is pending',
  fixed: 'Fixed: the hotfix of KB949538 is installed and its filter is on',
  unknown: 'It is unknown whether this host is affected by KB949538',
};

/** The report in lines of at most `width` columns, if its words permit. */
export function doctorText(report: DoctorReport, width = 100): string {
  const good = report.verdict === 'fixed' || report.verdict === 'not-affected';
  const nameWidth = Math.max(0, ...report.findings.map(({ name }) => name.length));
  const steps = report.nextSteps.length > 0 ? report.nextSteps : ['Nothing to do.'];
  return [
    (good ? colors.green : colors.red)(colors.bold(titles[report.verdict])),
    ...wrap(report.reason, width),
    '',
    colors.bold('Next step'),
    ...steps.flatMap((step) => indented(step, '  ', width)),
    '',
    colors.bold('Found'),
    ...report.findings.flatMap((finding) => findingLines(finding, nameWidth, width)),
    '',
  ].join('\n');
}

function findingLines(finding: Finding, nameWidth: number, width: number): string[] {
  const { name, note, attention } = finding;
  const mark = attention ? colors.red('!') : ' ';
  const margin = ' '.repeat(nameWidth + 4);
  const room = Math.max(20, width - margin.length);
  const [first = '', ...more] = wrap(finding.value ?? 'not known', room);
  const value = finding.value === null ? colors.dim(first) : first;
  return [
    `${mark} ${name.padEnd(nameWidth)}  ${value}`,
    ...more.map((line) => margin + line),
    ...wrap(note, room).map((line) => margin + colors.dim(line)),
  ];
}

function indented(text: string, margin: string, width: number): string[] {
  return wrap(text, width - margin.length).map((line) => margin + line);
}

/** Splits text into lines of whole words; a longer word gets its own line. Empty text gives no line. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter(Boolean).map(printable)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
