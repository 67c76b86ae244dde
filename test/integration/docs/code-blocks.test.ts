/** The code in README and docs runs, with a PIV card in a virtual reader. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { type CodeBlock, codeBlocks, root } from '../../support/documentation.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 2 });
await insertPiv(rig);
const { name: reader } = readerAt(rig);

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

test.each(runnable)('$page, line $line', async (block) => {
  expect(await run(block)).toEqual({ status: 0, stderr: '' });
});
