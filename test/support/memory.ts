import { readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** How often a text, or bytes, occur in the writable memory of a process. */
export async function occurrences(pid: number, text: string | Uint8Array): Promise<number> {
  await using memory = await open(`/proc/${pid}/mem`);
  let found = 0;
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    if (start === undefined || end === undefined || /\[v(var|dso|syscall)/.test(line)) continue;
    const size = Number.parseInt(end, 16) - Number.parseInt(start, 16);
    const region = await readRegion(memory, Number.parseInt(start, 16), size);
    for (let at = region.indexOf(text); at >= 0; at = region.indexOf(text, at + 1)) found++;
  }
  return found;
}

/** Empty if the region has been unmapped since the list was read, like the stack of a thread that ends (EIO). */
async function readRegion(memory: FileHandle, start: number, size: number): Promise<Buffer> {
  try {
    const { buffer, bytesRead } = await memory.read(Buffer.alloc(size), 0, size, start);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EIO') return Buffer.alloc(0);
    throw error;
  }
}
