/**
 * The only output path of commands to standard output and standard error (docs/security.md). Names of readers,
 * certificates, data of cards and texts of agents come from outside: none of them may control the terminal.
 */
import { printable, printableJson } from '../../printable.js';
import { paintedText } from '../terminal/colors.js';

/** Writes a text of any number of lines. Of control characters only line feeds and our own colours get through. */
export function write(stream: NodeJS.WritableStream, text: string): void {
  stream.write(paintedText(text, (part) => part.split('\n').map(printable).join('\n')));
}

/** A line of the command's result. */
export function print(line: string): void {
  write(process.stdout, `${line}\n`);
}

/** The command's result as data, with the version of its format: on one line, or indented for people. */
export function printJson(data: object, indent: 0 | 2 = 2): void {
  print(printableJson(JSON.stringify({ schema: 1, ...data }, null, indent)));
}

/** A line on standard error: progress or errors. */
export function notify(line: string): void {
  write(process.stderr, `${line}\n`);
}
