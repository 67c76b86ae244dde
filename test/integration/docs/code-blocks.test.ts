/** The code in README and docs runs, with the card that it is for in a virtual reader. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import ts from 'typescript';
import { beforeAll, describe, expect, test } from 'vitest';
import { fromHex } from '../../../src/apdu/index.js';
import { StorageCard } from '../../../src/testing/virtual/index.js';
import { type CodeBlock, codeBlocks, root } from '../../support/documentation.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 2 });
const pivCard = await insertPiv(rig);
const { name: reader, port } = readerAt(rig);

/** What test/unit/docs declares for blocks that continue another. */
const preamble = `{
  const { CardBridge } = await import('pcsc-bridge');
  const bridge = new CardBridge();
  const session = await bridge.openSession();
  const card = await session.connect(${JSON.stringify(reader)});
  const apdu = Uint8Array.of(0x00, 0xa4, 0x04, 0x00, 0x05, 0xa0, 0x00, 0x00, 0x03, 0x08);
  Object.assign(globalThis, { bridge, session, card, apdu, reader: card.reader, pin: '123456' });
}`;

/** A watch never ends. When it has reported the current state, the block has shown what it can. */
const END_OF_WATCH_MS = 2000;

/** Runs a block in the directory of the package, which resolves its own name. */
async function run({ code }: CodeBlock): Promise<{ status: number; stderr: string }> {
  const source = [
    code.includes("'pcsc-bridge/rig'") ? '' : preamble,
    code.includes('.watch(') ? `setTimeout(() => process.exit(), ${END_OF_WATCH_MS});` : '',
    code.replace('4711', 'process.pid'),
    code.includes('watch.on(') ? '' : 'process.exit();',
  ].join('\n');
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const child = spawn(process.execPath, ['--input-type=module', '--eval', outputText], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 15_000,
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [status] = await once(child, 'close');
  return { status, stderr };
}

// Tests inside a test: test/integration/fixtures has similar ones.
const runnable = codeBlocks().filter(({ code }) => !/from '(pcsc-bridge\/|)(vitest|node:test)'/.test(code));

const kinds = ['MIFARE Classic 1K', 'NTAG213'] as const;

function cardFor({ code }: CodeBlock): (typeof kinds)[number] | 'PIV' {
  if (!code.includes("from 'pcsc-bridge/contactless'")) return 'PIV';
  return code.includes('loadKey') ? 'MIFARE Classic 1K' : 'NTAG213';
}

test.each(runnable.filter((block) => cardFor(block) === 'PIV'))('$page, line $line', async (block) => {
  expect(await run(block)).toEqual({ status: 0, stderr: '' });
});

describe.each(kinds)('with a %s in the reader', (kind) => {
  beforeAll(async () => {
    await pivCard.remove();
    const ndef = kind === 'NTAG213' ? { ndef: fromHex('D1010854' + '02656E48656C6C6F') } : {};
    const card = await StorageCard.insertStorage({ port, kind, ...ndef });
    return () => card.remove();
  });

  test.each(runnable.filter((block) => cardFor(block) === kind))('$page, line $line', async (block) => {
    expect(await run(block)).toEqual({ status: 0, stderr: '' });
  });
});
