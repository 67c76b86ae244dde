/** The report is readable at a glance: in a wide and a narrow window, in dark mode, on paper. */
import { describe, expect, test } from 'vitest';
import { verdictSentence } from '../../../src/tools/repro/report/lanes.js';
import { looks, type Picture, prepareReports } from './pages.js';

const reports = await prepareReports();
/** A4 less its margins, at 96 pixels to the inch. */
const paperWidth = 688;

describe.skipIf(!reports.available)(`the report in a browser${reports.reason}`, () => {
  test.each(looks)(
    '$sessions sessions, $scheme: loads nothing from elsewhere, and logs no error',
    async (look) => {
      const { page, requests, complaints } = await reports.open(look.sessions, look);
      await page.waitForLoadState('networkidle');
      expect({ requests, complaints }).toEqual({ requests: [], complaints: [] });
    },
  );

  test.each([
    [4, 1280],
    [4, 400],
    [64, 1280],
    [64, 400],
  ] as const)('%i sessions, %i pixels wide: the verdict is on the first screen', async (sessions, width) => {
    const { page } = await reports.open(sessions, { width, height: 720 });
    const verdict = page.locator('.verdict');
    expect(await verdict.textContent()).toBe(verdictSentence(reports.result(sessions)));
    const box = await verdict.boundingBox();
    expect(box?.height).toBeGreaterThan(20);
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThan(720);
  });

  test.each([
    [4, 1280],
    [4, 400],
    [64, 1280],
    [64, 400],
  ] as const)(
    '%i sessions, %i pixels wide: only pictures and tables scroll sideways',
    async (sessions, width) => {
      const { page } = await reports.open(sessions, { width });
      await page.evaluate('measure.unfold()');
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      expect(await page.evaluate('measure.crampedText()')).toEqual([]);
    },
  );

  test.each([4, 64] as const)(
    '%i sessions: a lane for each, in order, and one for the holder',
    async (sessions) => {
      const { page } = await reports.open(sessions);
      const pictures = await page.evaluate<Picture[]>('measure.pictures()');
      const names = reports.result(sessions).sessions.map(({ id }) => `session ${id}`);
      for (const { lanes, laneTops } of pictures) {
        expect(lanes).toEqual(['other process', ...names]);
        expect(laneTops).toEqual(laneTops.toSorted((a, b) => a - b));
      }
    },
  );

  test.each([4, 64] as const)(
    '%i sessions: the run with the filter off is above the one with it on, on one time scale',
    async (sessions) => {
      const { page } = await reports.open(sessions);
      const [off, on, ...more] = await page.evaluate<Picture[]>('measure.pictures()');
      expect(more).toEqual([]);
      if (!off || !on) throw new Error('two pictures are expected');
      expect([off.heading, on.heading]).toEqual([
        expect.stringMatching(/^Filter off/),
        expect.stringMatching(/^Filter on/),
      ]);
      expect(off.top).toBeLessThan(on.top);
      expect(off.ticks.length).toBeGreaterThan(1);
      expect(on.ticks).toEqual(off.ticks);
      expect(on.marks).toEqual(off.marks);
      // The bar of the hold is as long as the scale says.
      const milliseconds = off.ticks.map(
        (tick) => Number.parseFloat(tick) * (/ms$|^0$/.test(tick) ? 1 : 1000),
      );
      const [zero = 0, last = 0] = [off.marks[0], off.marks.at(-1)];
      const pixelsPerMs = (last - zero) / (milliseconds.at(-1) ?? 0);
      for (const [index, picture] of [off, on].entries()) {
        const run = reports.result(sessions).runs[index];
        expect(picture.held.start).toBeCloseTo(zero, 0);
        const ms = (picture.held.end - picture.held.start) / pixelsPerMs;
        expect(Math.abs(ms - (run?.releasedMs ?? 0)) * pixelsPerMs).toBeLessThan(1.5);
      }
    },
  );

  test.each([
    { sessions: 4, pages: 2 },
    { sessions: 64, pages: 3 },
  ] as const)(
    '$sessions sessions on paper: dark text, nothing cut off, $pages pages',
    async ({ sessions, pages }) => {
      const { page } = await reports.open(sessions, { scheme: 'dark', width: paperWidth });
      const pdf = await page.pdf({ format: 'A4', preferCSSPageSize: true });
      expect(pdf.toString('latin1').match(/\/Type \/Page\b/g)?.length).toBeLessThanOrEqual(pages);
      await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(paperWidth);
      expect(await page.evaluate('measure.crampedText()')).toEqual([]);
      expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe(
        'rgb(255, 255, 255)',
      );
      expect(await page.evaluate('getComputedStyle(document.body).color')).toBe('rgb(0, 0, 0)');
      for (const svg of await page.locator('svg').all()) {
        const box = await svg.boundingBox();
        expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(paperWidth);
      }
    },
  );
});
