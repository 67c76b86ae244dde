/** A PIN or another secret from the environment or the keyboard; never from the command line, where other users can read it. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { UsageError } from './command.js';
import { write } from './output.js';

/**
 * Reads PCSC_BRIDGE_PIN, or prompts for it. As `askSecret`.
 *
 * @param whose - Tells cards apart, for example ' of "alice"'.
 */
export function askPin(signal: AbortSignal, whose = ''): Promise<string> {
  return askSecret(`PIN${whose}`, 'PCSC_BRIDGE_PIN', signal);
}

/**
 * Reads an environment variable, or prompts on a terminal without showing what is typed. Ctrl-C interrupts the command.
 *
 * @param name - What to ask for: 'New PIN'.
 * @throws {UsageError} The variable is not set or empty, and there is no terminal.
 * @throws {Error} An AbortError: `signal` ended the prompt.
 */
export async function askSecret(name: string, variable: string, signal: AbortSignal): Promise<string> {
  const given = process.env[variable];
  if (given) return given;
  if (!process.stdin.isTTY) throw new UsageError(`${name} required: set ${variable}, or run on a terminal`);
  write(process.stderr, `${name}: `);
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
