import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';

/** How often a text, or bytes, are in the memory that a process may write to. */
export async function occurrences(pid: number, text: string | Uint8Array): Promise<number> {
  await using memory = await open(`/proc/${pid}/mem`);
  let found = 0;
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    if (start === undefined || end === undefined || /\[v(var|dso|syscall)/.test(line)) continue;
    const size = Number.parseInt(end, 16) - Number.parseInt(start, 16);
    const { buffer, bytesRead } = await memory.read(Buffer.alloc(size), 0, size, Number.parseInt(start, 16));
    const region = buffer.subarray(0, bytesRead);
    for (let at = region.indexOf(text); at >= 0; at = region.indexOf(text, at + 1)) found++;
  }
  return found;
}
