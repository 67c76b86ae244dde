import { expect, it } from 'vitest';
import { htmlReport } from '../../../../src/tools/repro/report/html.js';
import { blockedLogon, faultRun, fixRun, resultWith, runWith } from '../example-result.js';

it('is one page that needs no network', () => {
  const page = htmlReport(resultWith([faultRun, fixRun], 'fixed'));
  expect(page).not.toMatch(/<(script|link|img|iframe)\b/);
  expect(page).not.toMatch(/(src|href)="(?!data:)/);
});

it('states the verdict first and describes each timeline in words', () => {
  const page = htmlReport(resultWith([faultRun, fixRun], 'fixed'));
  expect(page.indexOf('Fixed: ')).toBeLessThan(page.indexOf('<svg'));
  expect(page).toContain('aria-label="Timeline with the filter off. Session 1: card held by another process');
});

it('contains the result as a download', () => {
  const result = resultWith([faultRun, fixRun], 'fixed');
  const data = /base64,([^"]+)"/.exec(htmlReport(result))?.[1] ?? '';
  expect(JSON.parse(Buffer.from(data, 'base64').toString())).toEqual(result);
});

it('shows names and errors as text, never as markup', () => {
  const hostile = runWith('off', [blockedLogon(2, { ok: false, error: '<b onclick="x">&' })]);
  const page = htmlReport(resultWith([hostile], 'not-reproduced'));
  expect(page).toContain('failed: &lt;b onclick=&quot;x&quot;&gt;&amp;');
  expect(page).not.toContain('<b onclick');
});

it('has a lane for the holder, and says who waits for whom', () => {
  const page = htmlReport(resultWith([faultRun, fixRun], 'fixed'));
  expect(page).toContain("holds session 1's card for 3.00 s");
  expect(page).toContain('>waits for session 1<');
});

it('with 64 sessions has thin lanes, and a collapsed table', () => {
  const sessions = Array.from({ length: 64 }, (_, index) => index + 1);
  const logons = sessions.slice(1).map((session) => blockedLogon(session));
  const result = resultWith([runWith('off', logons)], 'not-fixed');
  result.sessions = sessions.map((id) => ({ id, connectTime: '1', reader: `Reader ${id}` }));
  const page = htmlReport(result);
  expect(page).toContain('<svg class="thin"');
  expect(page).toContain('<details><summary>63 logons</summary>');
  const [, , width, height] = (/viewBox="([^"]+)"/.exec(page)?.[1] ?? '').split(' ').map(Number);
  expect(height).toBeLessThan(1.2 * (width ?? 0));
});
