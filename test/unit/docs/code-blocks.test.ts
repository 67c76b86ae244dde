/** The code in the documentation compiles, its links have targets, and every page can be reached. */
import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { codeBlocks, filesIn, read, root } from '../../support/documentation.js';

const docs = filesIn('docs', '.md');
const pages = [...filesIn('.', '.md'), ...docs];

/** Declarations that a block may use, because the previous block, or the text, introduced them. */
const preamble = `
  import type { Card, CardBridge, SessionContext, Transaction } from 'pcsc-bridge';
  declare global {
    const bridge: CardBridge;
    const session: SessionContext;
    const card: Card;
    const tx: Transaction;
    const reader: string;
    const apdu: Uint8Array;
    const pin: string;
  }`;

/** Electron is not a dependency: the parts that the example uses, as its documentation declares them. */
const electron = `
  declare module 'electron' {
    interface WebContents { send(channel: string, ...args: unknown[]): void }
    class BrowserWindow {
      constructor(options: { webPreferences: { preload: string } });
      loadFile(path: string): Promise<void>;
      readonly webContents: WebContents;
      static getAllWindows(): BrowserWindow[];
    }
    const app: {
      whenReady(): Promise<void>;
      quit(): void;
      on(event: 'window-all-closed', listener: () => void): void;
      on(event: 'will-quit', listener: (event: { preventDefault(): void }) => void): void;
    };
    const ipcMain: {
      handle(channel: string, listener: (event: unknown, ...args: unknown[]) => unknown): void;
    };
  }`;

/** What @types/w3c-web-smart-card declares: pages and examples use it without our types. */
const browser = `
  import type { SmartCardResourceManager } from 'pcsc-bridge/web';
  declare global {
    const navigator: { readonly smartCard: SmartCardResourceManager };
  }`;

const blocks = codeBlocks().map((block) => {
  const path = join(root, `${block.page}.${block.line}.ts`);
  return { ...block, path, place: `${block.page}:${block.line}` };
});
const examples = filesIn('examples', '.mjs').map((path) => ({ place: path, path: join(root, path) }));

const compiled = compile(
  new Map([
    [join(root, 'docs/preamble.d.ts'), preamble],
    [join(root, 'docs/electron.d.ts'), electron],
    [join(root, 'docs/browser.d.ts'), browser],
    ...blocks.map(({ path, code }) => [path, code] as const),
  ]),
  examples.map(({ path }) => path),
);

/** Compiles texts, under the names given to them, and files; `pcsc-bridge` resolves to src. */
function compile(texts: ReadonlyMap<string, string>, files: readonly string[]): ts.Program {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    moduleDetection: ts.ModuleDetectionKind.Force,
    types: ['node'],
    strict: true,
    allowJs: true,
    checkJs: true,
    skipLibCheck: true,
    noEmit: true,
    paths: {
      'pcsc-bridge': [`${root}src/index.ts`],
      'pcsc-bridge/web/register': [`${root}src/web/register.ts`],
      'pcsc-bridge/*': [`${root}src/*/index.ts`, `${root}src/testing/*/index.ts`],
    },
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => texts.has(path) || fileExists(path);
  host.readFile = (path) => texts.get(path) ?? readFile(path);
  host.getSourceFile = (path, version, ...rest) => {
    const text = texts.get(path);
    return text === undefined
      ? getSourceFile(path, version, ...rest)
      : ts.createSourceFile(path, text, version, true);
  };
  return ts.createProgram([...texts.keys(), ...files], options, host);
}

function complaints(path: string): string[] {
  const file = compiled.getSourceFile(path);
  if (!file) return [`${path} was not compiled`];
  const found = [...compiled.getSyntacticDiagnostics(file), ...compiled.getSemanticDiagnostics(file)];
  return found.map(({ start = 0, messageText }) => {
    const { line } = file.getLineAndCharacterOfPosition(start);
    return `line ${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}

describe('code', () => {
  test('exists in the README and in docs', () => {
    expect(blocks.length).toBeGreaterThan(15);
    expect(examples.length).toBeGreaterThan(3);
  });

  test('that uses an unknown name does not compile', () => {
    const path = join(root, 'docs/wrong.ts');
    const wrong = compile(new Map([[path, "import { Nothing } from 'pcsc-bridge';"]]), []);
    expect(wrong.getSemanticDiagnostics(wrong.getSourceFile(path)).map(({ code }) => code)).toEqual([2305]);
  });

  test('that blocks may use without a declaration exists', () => {
    expect(complaints(join(root, 'docs/preamble.d.ts'))).toEqual([]);
  });

  test.each([...blocks, ...examples])('$place compiles', ({ path }) => {
    expect(complaints(path)).toEqual([]);
  });
});

/** Links of a page to our own files, outside code. */
function linksOf(page: string): { target: string; anchor: string | undefined }[] {
  const text = read(page)
    .replace(/^```.*?^```$/gms, '')
    .replace(/`[^`\n]*`/g, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : relative(root, resolve(root, dirname(page), path));
      return { target, anchor };
    });
}

/** The anchors of a page's headings, as code hosts generate them. */
function anchorsOf(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('links', () => {
  test.each(pages)('of %s have a target', (page) => {
    const broken = linksOf(page).filter(({ target, anchor }) => {
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && !anchorsOf(target).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  test('from docs/index.md reach every page of docs', () => {
    const reached = new Set(['docs/index.md']);
    for (const page of reached) {
      for (const { target } of linksOf(page)) {
        if (target.startsWith('docs/') && existsSync(join(root, target))) reached.add(target);
      }
    }
    expect(docs.filter((page) => !reached.has(page))).toEqual([]);
  });
});
