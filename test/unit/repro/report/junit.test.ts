import { expect, it } from 'vitest';
import { junitReport } from '../../../../src/tools/repro/report/junit.js';
import { blockedLogon, faultRun, fixRun, freeLogon, resultWith, runWith } from '../example-result.js';

const failuresOf = (xml: string) => [...xml.matchAll(/<failure message="([^"]*)"/g)].map(([, text]) => text);

it('passes every case if the fault was seen and the fix holds', () => {
  const xml = junitReport(resultWith([faultRun, fixRun], 'fixed'));
  expect(xml).toMatch(
    /^<\?xml version="1.0" encoding="UTF-8"\?>\n<testsuites name="KB949538" tests="6" failures="0"/,
  );
  expect(xml).toContain('name="session 2 is blocked (the fault)" time="3.020"/>');
  expect(xml).toContain('name="session 2 logs on without waiting" time="0.020"/>');
  expect(failuresOf(xml)).toEqual([]);
});

it('fails the logon that was blocked with the filter on, and names the blocker', () => {
  const run = runWith('on', [blockedLogon(2), freeLogon(3)]);
  expect(failuresOf(junitReport(resultWith([faultRun, run], 'not-fixed')))).toEqual([
    "It waited 3.00 s for session 1's card.",
    expect.stringMatching(/^Not fixed/),
  ]);
});

it('fails the logon that was not blocked with the filter off', () => {
  const run = runWith('off', [freeLogon(2), blockedLogon(3)]);
  expect(failuresOf(junitReport(resultWith([run], 'not-reproduced')))[0]).toBe('It was not blocked: 20 ms.');
});

it('fails a session that got an entry of its earlier connection', () => {
  const reconnect = { ...fixRun.reconnect, usedOldEntry: true };
  const xml = junitReport(resultWith([faultRun, { ...fixRun, reconnect }], 'not-fixed'));
  expect(failuresOf(xml)[0]).toBe('It was given what its earlier connection had opened.');
});

it('keeps names and errors as text, without characters that XML does not allow', () => {
  const run = runWith('on', [freeLogon(2, { ok: false, error: '<a>&"\u0000\u001b[1m' })]);
  const xml = junitReport(resultWith([run], 'not-fixed'));
  expect(failuresOf(xml)[0]).toBe('The logon failed: &lt;a&gt;&amp;&quot;[1m');
});
