/** What docs/architecture.md names is there, and its drawings of folders are those of the imports. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { read, root, sourcesIn } from '../../support/documentation.js';

const page = read('docs/architecture.md');
/** Where the paths on the page begin. */
const bases = ['', 'src/', 'native/'];

interface Mention {
  path: string;
  /** The functions and classes that the file should have. */
  names: string[];
}

/** The paths in backticks: with a slash, or with the end of a file's name; `file: name, name` if names follow. */
function mentionsIn(text: string): Mention[] {
  const prose = text.replace(/^```.*?^```$/gms, '');
  return [...prose.matchAll(/`([^`\n]+)`/g)].flatMap(([, span = '']) => {
    const [, path = '', names] = /^([\w./-]+)(?:: ([\w#, ]+))?$/.exec(span) ?? [];
    const isPath = /[^/]\/|\.(?:ts|mjs|cc|h|md|json|gyp|mk|txt)$/.test(path);
    return isPath ? [{ path, names: names?.split(', ') ?? [] }] : [];
  });
}

/** What is wrong with a mention; undefined if nothing is. */
function complaint({ path, names }: Mention): string | undefined {
  const file = bases.map((base) => base + path).find((one) => existsSync(join(root, one)));
  if (file === undefined) return `${path} does not exist`;
  if (names.length === 0) return undefined;
  const code = read(file).replace(/\/\*.*?\*\/|\/\/[^\n]*/gs, '');
  const missing = names.filter((name) => !new RegExp(`(?<![\\w#])${name}\\b`).test(code));
  return missing.length > 0 ? `${path} does not have ${missing}` : undefined;
}

/** The arrows of the drawing below a heading: from each box to others. */
function arrowsBelow(heading: string): Map<string, Set<string>> {
  const [, drawing = ''] = page.split(`### ${heading}\n`)[1]?.match(/^```mermaid\n(.*?)^```$/ms) ?? [];
  const arrows = new Map<string, Set<string>>();
  for (const [, from = '', to = ''] of drawing.matchAll(/^ *(\w+)(?:\[".*?"\])? --> (\w+)/gm)) {
    arrows.set(from, (arrows.get(from) ?? new Set<string>()).add(to));
  }
  return arrows;
}

/** Everything below a box, by any number of arrows. */
function below(arrows: Map<string, Set<string>>, box: string, found = new Set<string>()): Set<string> {
  for (const next of arrows.get(box) ?? []) {
    if (!found.has(next)) below(arrows, next, found.add(next));
  }
  return found;
}

function folderOf(path: string): string {
  const [, name = '', inside] = path.split('/');
  if (inside !== undefined) return name;
  return name === 'index.ts' ? 'index' : 'errors';
}

/** The imports of a file: the paths of the files from the root on. */
function importsOf(path: string): string[] {
  const text = read(path);
  const imported = path.endsWith('.ts')
    ? [...text.matchAll(/(?:from|import\() ?'(\.[^']+)'/g)].map(([, to = '']) => join(dirname(path), to))
    : [...text.matchAll(/^#include "(\w+\/[^"]+)"/gm)].map(([, to = '']) => `native/${to}`);
  return imported.map((to) => to.replace(/\.js$/, '.ts'));
}

describe('docs/architecture.md', () => {
  const mentions = mentionsIn(page);

  test('names files and folders that exist, and what is in them', () => {
    expect(mentions.length).toBeGreaterThan(100);
    expect(mentions.flatMap(({ names }) => names).length).toBeGreaterThan(80);
    expect(mentions.map(complaint).filter(Boolean)).toEqual([]);
  });

  test('and would not if one were wrong', () => {
    const wrong =
      '`card/no-card.ts`, `card/card.ts: transmit, #fly`, `src/piv/`, `no/folder/`, `tx.transmit`';
    expect(mentionsIn(wrong).map(complaint)).toEqual([
      'card/no-card.ts does not exist',
      'card/card.ts does not have #fly',
      undefined,
      'no/folder/ does not exist',
    ]);
  });

  test.each([
    ['src', /\.ts$/],
    ['native', /\.(?:cc|h)$/],
  ])('draws the folders of %s: every import goes down its arrows', (folder, sources) => {
    const arrows = arrowsBelow(`Folders of ${folder}`);
    const against = sourcesIn(folder, sources).flatMap((path) =>
      importsOf(path)
        .filter((to) => folderOf(to) !== folderOf(path))
        .filter((to) => !below(arrows, folderOf(path)).has(folderOf(to)))
        .map((to) => `${path} imports ${to}`),
    );
    expect(against).toEqual([]);
    expect([...arrows.keys()].filter((box) => below(arrows, box).has(box))).toEqual([]);
  });

  test.each(['src', 'native'])('has every folder of %s in its tables', (folder) => {
    const folders = new Set(sourcesIn(folder, /\.(?:ts|cc|h)$/).map((path) => path.split('/')[1] ?? ''));
    const missing = [...folders].filter(
      (name) => !name.includes('.') && !page.includes(`\`${folder}/${name}/\``),
    );
    expect(missing).toEqual([]);
  });
});
