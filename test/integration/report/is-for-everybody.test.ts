/** The report is accessible: with low vision, with the keyboard, and as numbers. */
import { readFile } from 'node:fs/promises';
import axe from 'axe-core';
import { describe, expect, test } from 'vitest';
import { looks, prepareReports } from './pages.js';

const reports = await prepareReports();

interface Focus {
  index: number;
  width: number;
  contrast: number;
}

/**
 * The findings of axe, by rule and place. Colours that it cannot judge count as well, except in pictures, which are
 * judged below.
 */
const check = `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }).then((found) => {
  const unjudged = found.incomplete.filter(({ id }) => id === 'color-contrast').map(({ id, nodes }) =>
    ({ id, nodes: nodes.filter(({ target }) => !document.querySelector(target).closest('svg')) }));
  return [...found.violations, ...unjudged].flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ': ' + target));
})`;

describe.skipIf(!reports.available)(`the report in a browser${reports.reason}`, () => {
  test.each(looks)('$sessions sessions, $scheme: axe reports nothing against WCAG 2.1 AA', async (look) => {
    const { page } = await reports.open(look.sessions, look);
    await page.evaluate('measure.unfold()');
    await page.evaluate(axe.source);
    expect(await page.evaluate(check)).toEqual([]);
  });

  test.each(looks)(
    '$sessions sessions, $scheme: the text in the pictures has enough contrast',
    async (look) => {
      const { page } = await reports.open(look.sessions, look);
      for (const media of ['screen', 'print'] as const) {
        await page.emulateMedia({ media, colorScheme: look.scheme });
        const texts = await page.evaluate<{ text: string; ratio: number }[]>('measure.pictureContrasts()');
        expect(texts.length).toBeGreaterThan(2 * look.sessions);
        expect(texts.filter(({ ratio }) => !(ratio >= 4.5))).toEqual([]);
      }
    },
  );

  test.each(looks)(
    '$sessions sessions, $scheme: Tab reaches every control, in order, with a visible focus',
    async (look) => {
      const { page } = await reports.open(look.sessions, look);
      const count = await page.evaluate<number>('measure.focusables()');
      expect(count).toBeGreaterThan(4);
      for (let index = 0; index < count; index++) {
        await page.keyboard.press('Tab');
        const focus = await page.evaluate<Focus | null>('measure.focus()');
        expect(focus).toMatchObject({ index });
        expect(focus?.width).toBeGreaterThanOrEqual(2);
        expect(focus?.contrast).toBeGreaterThanOrEqual(3);
      }
    },
  );

  test('the keyboard scrolls a picture that is too wide, and folds a table', async () => {
    const { page } = await reports.open(4, { width: 400 });
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction('document.activeElement.scrollLeft > 0');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.locator('details').first().getAttribute('open')).toBeNull();
  });

  test.each([4, 64] as const)('%i sessions: the link downloads the result', async (sessions) => {
    const { page } = await reports.open(sessions);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('repro.json');
    const result = JSON.parse(await readFile(await download.path(), 'utf8'));
    expect(result).toEqual(reports.result(sessions));
    expect(result.schema).toBe(1);
  });
});
