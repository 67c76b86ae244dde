/** The file of a listening Unix socket: private from the start, and never in the place of another program's file. */
import type { Stats } from 'node:fs';
import { chmod, link, lstat, mkdir, rm, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';

/** The capacity of sun_path in sockaddr_un, without the final NUL. */
const longestPath = process.platform === 'darwin' ? 103 : 107;

export class SocketFile {
  readonly path: string;
  readonly #file: Stats;

  private constructor(path: string, file: Stats) {
    this.path = path;
    this.#file = file;
  }

  /**
   * Lets `listen` listen at a path in a private directory, and sets the mode of the file. Then it gives the file its
   * public name, if no other file has that name.
   */
  static async make(
    path: string,
    mode: number,
    listen: (path: string) => Promise<void>,
  ): Promise<SocketFile> {
    const place = resolve(path);
    // The directory is also the lock against another server that starts at the same path.
    const nest = join(dirname(place), `.${basename(place)}.new`);
    const made = join(nest, 's');
    checkLength(place, made);
    await makeNest(nest, place);
    try {
      await listen(made);
      await chmod(made, mode);
      await putAt(made, place);
      return new SocketFile(place, await lstat(made));
    } finally {
      await rm(nest, { recursive: true });
    }
  }

  /** Removes the file if it is still the same one. */
  async remove(): Promise<void> {
    const there = await lstatOrNothing(this.path);
    if (there?.dev === this.#file.dev && there.ino === this.#file.ino) {
      await rm(this.path, { force: true });
    }
  }
}

async function makeNest(nest: string, path: string): Promise<void> {
  try {
    await mkdir(nest, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    throw refusal(
      'EADDRINUSE',
      `another process is starting to listen at ${path}; if that process was killed, remove ${nest}`,
    );
  }
}

async function putAt(made: string, path: string): Promise<void> {
  try {
    await link(made, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    await removeStale(path);
    await link(made, path);
  }
}

/** Removes the socket of a dead server. Any other file stays, and is an error. */
async function removeStale(path: string): Promise<void> {
  const there = await lstatOrNothing(path);
  if (!there) return;
  if (!there.isSocket()) throw refusal('EEXIST', `${path} exists and is not a socket; it is left unchanged`);
  if (there.uid !== process.geteuid?.()) {
    throw refusal('EEXIST', `${path} is the socket of another user (uid ${there.uid}); it is left unchanged`);
  }
  if (await answers(path)) throw refusal('EADDRINUSE', `another process already listens at ${path}`);
  await unlink(path);
}

/** Whether a program listens; rejects if that cannot be determined. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      if (['ECONNREFUSED', 'ENOENT'].includes(codeOf(error) ?? '')) resolve(false);
      else reject(error);
    });
  });
}

async function lstatOrNothing(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function checkLength(path: string, made: string): void {
  const length = Buffer.byteLength(path);
  const longest = longestPath - (Buffer.byteLength(made) - length);
  if (length <= longest) return;
  throw refusal(
    'ENAMETOOLONG',
    `the path may have at most ${longest} bytes, this one has ${length}: ${path}`,
  );
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function refusal(code: string, sentence: string): Error {
  return Object.assign(new Error(`LocalServer: ${sentence}`), { code });
}
