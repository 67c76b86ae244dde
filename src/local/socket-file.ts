/** The file of a Unix socket that listens: private from its first moment, and never put in the place of another's. */
import type { Stats } from 'node:fs';
import { chmod, link, lstat, mkdir, rm, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';

/** What sun_path of sockaddr_un holds, without its last NUL. */
const longestPath = process.platform === 'darwin' ? 103 : 107;

export class SocketFile {
  readonly path: string;
  readonly #file: Stats;

  private constructor(path: string, file: Stats) {
    this.path = path;
    this.#file = file;
  }

  /**
   * Has `listen` listen at a path in a directory that is its user's alone, and gives the file its mode before
   * anybody else can reach it: by its name, which it gets last, and only where nothing else has that.
   */
  static async make(
    path: string,
    mode: number,
    listen: (path: string) => Promise<void>,
  ): Promise<SocketFile> {
    const place = resolve(path);
    // Also the lock of whoever begins to listen there.
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

  /** Removes the file, if it is still this one. */
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
      `somebody else begins to listen at ${path} at this moment; if one was killed while it did, remove ${nest}`,
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

/** What a server that died has left there goes; anything else stays, and is an error. */
async function removeStale(path: string): Promise<void> {
  const there = await lstatOrNothing(path);
  if (!there) return;
  if (!there.isSocket()) throw refusal('EEXIST', `${path} is there and is no socket; it stays as it is`);
  if (there.uid !== process.geteuid?.()) {
    throw refusal('EEXIST', `${path} is the socket of another user (uid ${there.uid}); it stays as it is`);
  }
  if (await answers(path)) throw refusal('EADDRINUSE', `somebody listens at ${path} already`);
  await unlink(path);
}

/** Whether somebody listens; an error where that cannot be said. */
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
  throw refusal('ENAMETOOLONG', `the path has at most ${longest} bytes, this one has ${length}: ${path}`);
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function refusal(code: string, sentence: string): Error {
  return Object.assign(new Error(`LocalServer: ${sentence}`), { code });
}
