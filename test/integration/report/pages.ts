/** The report of a real reproduction with 4 sessions, and a constructed one with 64, in a browser. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, onTestFinished } from 'vitest';
import { htmlReport } from '../../../src/tools/repro/report/html.js';
import type { ReproResult } from '../../../src/tools/repro/result.js';
import { startBrowser } from '../../support/browser.js';
import { runCli } from '../../support/run-cli.js';
import { blockedLogon, freeLogon, resultWith, runWith } from '../../unit/repro/example-result.js';

export type Sessions = 4 | 64;
export type Scheme = 'light' | 'dark';
export const looks = ([4, 64] as const).flatMap((sessions) =>
  (['light', 'dark'] as const).map((scheme) => ({ sessions, scheme })),
);

/** The variable in which the script of `in-page.js` has its functions. */
export interface Picture {
  top: number;
  heading: string;
  lanes: string[];
  laneTops: number[];
  ticks: string[];
  marks: number[];
  held: { start: number; end: number };
}

export interface Reports {
  available: boolean;
  reason: string;
  result(sessions: Sessions): ReproResult;
  open(sessions: Sessions, options?: OpenOptions): Promise<OpenPage>;
}

interface OpenOptions {
  scheme?: Scheme;
  width?: number;
  height?: number;
}

export interface OpenPage {
  page: Page;
  /** The requests of the page, other than for itself. */
  requests: string[];
  /** Its console messages and errors. */
  complaints: string[];
}

/** With the filter off all sessions wait for session 1; with it on each logon takes longer than the one before. */
function manySessions(): ReproResult {
  const ids = Array.from({ length: 64 }, (_, index) => index + 1);
  const reader = (id: number) => `Virtual Reader ${Math.floor((id - 1) / 2)} 00 0${(id - 1) % 2}`;
  const heldReader = reader(1);
  const off = ids.slice(1).map((id) => {
    const evaluated = ids.slice(0, id).map(reader);
    return blockedLogon(id, {
      blockedBy: heldReader,
      evaluated,
      endMs: 3000 + 5 * id,
      durationMs: 2999 + 5 * id,
    });
  });
  const on = ids.slice(1).map((id) => {
    return freeLogon(id, { evaluated: [reader(id)], endMs: 5 * id, durationMs: 5 * id - 1 });
  });
  const result = resultWith(
    [runWith('off', off, { heldReader }), runWith('on', on, { heldReader })],
    'fixed',
  );
  result.sessions = ids.map((id) => ({ id, connectTime: '134398337894250000', reader: reader(id) }));
  return result;
}

/** The browser and the pages, once per file. Without a browser, the reason, for the names of the skipped tests. */
export async function prepareReports(): Promise<Reports> {
  const { browser, reason } = await startBrowser();
  if (!browser) {
    const missing = () => {
      throw new Error(`no browser${reason}`);
    };
    return { available: false, reason, result: missing, open: missing };
  }
  const directory = mkdtempSync(join(tmpdir(), 'report-'));
  afterAll(async () => {
    await browser.close();
    rmSync(directory, { recursive: true });
  });
  const path = (sessions: Sessions, end: string) => join(directory, `${sessions}.${end}`);
  const options = ['--hold', '2500', '--json', path(4, 'json'), '--report', path(4, 'html')];
  const { code, stderr } = await runCli(['repro', '--sessions', '4', ...options]);
  if (code !== 0) throw new Error(`pcsc-bridge repro ended with ${code}: ${stderr}`);
  const results = { 4: JSON.parse(readFileSync(path(4, 'json'), 'utf8')) as ReproResult, 64: manySessions() };
  writeFileSync(path(64, 'html'), htmlReport(results[64]));
  return {
    available: true,
    reason,
    result: (sessions) => results[sessions],
    open: (sessions, how) => open(browser, path(sessions, 'html'), how),
  };
}

async function open(browser: Browser, file: string, options: OpenOptions = {}): Promise<OpenPage> {
  const { scheme = 'light', width = 1280, height = 800 } = options;
  const page = await browser.newPage({ colorScheme: scheme, viewport: { width, height } });
  onTestFinished(() => page.close());
  const url = String(pathToFileURL(file));
  const [requests, complaints]: [string[], string[]] = [[], []];
  await page.route('**/*', (route) => (route.request().url() === url ? route.continue() : route.abort()));
  page.on('request', (request) => {
    if (request.url() !== url) requests.push(request.url());
  });
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.addInitScript({ path: fileURLToPath(new URL('in-page.js', import.meta.url)) });
  await page.goto(url);
  return { page, requests, complaints };
}
