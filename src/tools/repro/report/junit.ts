/** The result as JUnit XML, for CI systems: a suite per run, a case per logon. */
import type { ReproLogon, ReproResult, ReproRun } from '../result.js';
import { seconds, sessionOf, verdictSentence } from './lanes.js';
import { escapeHtml } from './markup.js';

interface Case {
  name: string;
  ms: number;
  /** What is wrong; undefined if the case passes. */
  failure?: string | undefined;
}

export function junitReport(result: ReproResult): string {
  const suites = result.runs.map((run) => ({ name: `filter ${run.filter}`, cases: casesOf(result, run) }));
  const failure = result.verdict === 'fixed' ? undefined : verdictSentence(result);
  suites.push({ name: 'verdict', cases: [{ name: result.verdict, ms: 0, failure }] });
  const body = suites.map(({ name, cases }) => suite(name, cases, result)).join('\n');
  const all = suites.flatMap(({ cases }) => cases);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="KB949538" ${counts(all)}>\n${body}\n</testsuites>\n`;
}

/** With the filter off, a logon passes if it shows the fault; with the filter on, it passes if it is not blocked. */
function casesOf(result: ReproResult, run: ReproRun): Case[] {
  const logons = run.logons.map((logon) => ({
    name:
      run.filter === 'off'
        ? `session ${logon.session} is blocked (the fault)`
        : `session ${logon.session} logs on without waiting`,
    ms: logon.durationMs,
    failure: logon.ok ? unexpected(result, run, logon) : `The logon failed: ${logon.error}`,
  }));
  const { reconnect } = run;
  if (run.filter === 'off') return logons;
  const clean = reconnect.ok && !reconnect.usedOldEntry && reconnect.oldEntryGone;
  const failure = clean
    ? undefined
    : (reconnect.error ?? 'It was given what its earlier connection had opened.');
  const name = `session ${reconnect.session} comes back and gets nothing of its past`;
  return [...logons, { name, ms: 0, failure }];
}

function unexpected(result: ReproResult, run: ReproRun, logon: ReproLogon): string | undefined {
  const blocked = logon.blockedBy !== null;
  if (run.filter === 'off' && !blocked) return `It was not blocked: ${seconds(logon.durationMs)}.`;
  if (run.filter === 'on' && blocked) {
    return `It waited ${seconds(logon.waitedMs)} for ${sessionOf(result, logon.blockedBy ?? '')}'s card.`;
  }
  return undefined;
}

function suite(name: string, cases: readonly Case[], { environment }: ReproResult): string {
  const properties = Object.entries(environment).map(
    ([key, value]) => `<property name="${escapeHtml(key)}" value="${escapeHtml(value)}"/>`,
  );
  const lines = cases.map((one) => {
    const head = `<testcase classname="KB949538.${escapeHtml(name)}" name="${escapeHtml(one.name)}" time="${(one.ms / 1000).toFixed(3)}"`;
    if (one.failure === undefined) return `${head}/>`;
    const failure = escapeHtml(one.failure);
    return `${head}><failure message="${failure}">${failure}</failure></testcase>`;
  });
  return [
    `<testsuite name="${escapeHtml(name)}" ${counts(cases)}>`,
    `<properties>${properties.join('')}</properties>`,
    ...lines,
    '</testsuite>',
  ].join('\n');
}

function counts(cases: readonly Case[]): string {
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  const time = cases.reduce((sum, { ms }) => sum + ms, 0) / 1000;
  return `tests="${cases.length}" failures="${failures}" time="${time.toFixed(3)}"`;
}
