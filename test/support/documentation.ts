import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository, with a separator at the end. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

export const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** The files of a directory with this suffix, relative to the root. */
export function filesIn(directory: string, end: string): string[] {
  const names = readdirSync(join(root, directory)).filter((name) => name.endsWith(end));
  return names.map((name) => join(directory, name));
}

/** The sources of a directory and its subdirectories: those in TypeScript by default. */
export function sourcesIn(directory: string, ends = /\.ts$/): string[] {
  return readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => ends.test(name))
    .map((name) => join(directory, name));
}

/** TypeScript as the documentation shows it. */
export interface CodeBlock {
  page: string;
  line: number;
  code: string;
}

/** Every block marked `ts` of the README and of docs. */
export function codeBlocks(): CodeBlock[] {
  return ['README.md', ...filesIn('docs', '.md')].flatMap((page) => {
    const text = read(page);
    return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(({ index, 1: code = '' }) => {
      return { page, line: text.slice(0, index).split('\n').length + 1, code };
    });
  });
}

/** The file that a page shows: the block whose first line is a comment with the name. */
export function fileShownIn(page: string, name: string): string {
  const comment = `// ${name}\n`;
  const [, text] = read(page).split(`\n${comment}`);
  const file = text?.split('\n```')[0];
  if (file === undefined) throw new Error(`${page} does not show ${name}`);
  return comment + file;
}

/** The first block of this language below a heading of a page. */
export function blockBelow(page: string, heading: string, language: string): string {
  const [, section = ''] = read(page).split(`# ${heading}\n`);
  const block = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(section)?.[1];
  if (block === undefined) throw new Error(`${page} has no ${language} below "${heading}"`);
  return block;
}
