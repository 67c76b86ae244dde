/** A Node program's side of bench/client.ts: does what the lines on standard input say, one after another. */
import { createInterface } from 'node:readline';

export type Commands = Record<string, (...args: string[]) => Promise<object>>;

export async function serve(commands: Commands): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const [name = '', ...args] = line.split(' ');
    let answer: object;
    try {
      const command = commands[name];
      answer = command ? await command(...args) : { error: `cannot do: ${line}` };
    } catch (error) {
      answer = { error: error instanceof Error ? error.message : String(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}
