/** A PIN from the environment or from the keyboard; never from the command line, where others can read it. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { write } from './output.js';

/** PCSC_BRIDGE_PIN, or a hidden prompt on a terminal. `whose` tells cards apart. */
export async function askPin(whose = ''): Promise<string> {
  const given = process.env['PCSC_BRIDGE_PIN'];
  if (given) return given;
  if (!process.stdin.isTTY)
    throw new Error('the PIN is wanted: put it in the environment variable PCSC_BRIDGE_PIN');
  write(process.stderr, `PIN${whose}: `);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const prompt = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await prompt.question('');
  } finally {
    prompt.close();
    write(process.stderr, '\n');
  }
}
