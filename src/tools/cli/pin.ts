/** A PIN from the environment or the keyboard; never from the command line, where other users can read it. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { UsageError } from './command.js';
import { write } from './output.js';

/**
 * Reads PCSC_BRIDGE_PIN, or prompts on a terminal without showing what is typed. Ctrl-C interrupts the command.
 *
 * @param whose - Tells cards apart, for example ' of "alice"'.
 * @throws {UsageError} There is no PIN in the environment and no terminal.
 * @throws {Error} An AbortError: `signal` ended the prompt.
 */
export async function askPin(signal: AbortSignal, whose = ''): Promise<string> {
  const given = process.env['PCSC_BRIDGE_PIN'];
  if (given) return given;
  if (!process.stdin.isTTY) throw new UsageError('PIN required: set PCSC_BRIDGE_PIN, or run on a terminal');
  write(process.stderr, `PIN${whose}: `);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const prompt = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  // In raw mode the terminal sends Ctrl-C as a character.
  prompt.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return await prompt.question('', { signal });
  } finally {
    prompt.close();
    write(process.stderr, '\n');
  }
}
