/** The keys that agents share with their controller: one for the broker, one for each user. */
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Role } from './hello.js';

const keySize = 32;
const userName = /^[\p{L}\p{N}]([\p{L}\p{N}._ -]{0,62}[\p{L}\p{N}_-])?$/u;

/** The owner of a key. */
export interface KeyOwner {
  role: Role;
  name: string;
}

/** The name of the only broker. */
export const theBroker: KeyOwner = { role: 'broker', name: 'broker' };

/** The TLS identity of a key: `broker` or `user:NAME`. */
export function identityOf({ role, name }: KeyOwner): string {
  return role === theBroker.role && name === theBroker.name ? 'broker' : `${role}:${name}`;
}

/** Keys by identity, each in a file that only its owner can read. */
export class KeyDirectory {
  readonly path: string;
  readonly keys: ReadonlyMap<string, Uint8Array>;
  readonly #temporary: boolean;

  private constructor(path: string, keys: ReadonlyMap<string, Uint8Array>, temporary: boolean) {
    this.path = path;
    this.keys = keys;
    this.#temporary = temporary;
  }

  /**
   * Reads the keys of the broker and of these users, and makes those that are not there yet.
   * @throws {Error} Others can read a key, or a file holds none.
   */
  static async open(path: string, users: readonly string[]): Promise<KeyDirectory> {
    await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: Error) => {
      throw new Error(`keys cannot be kept in ${path}: ${error.message}`);
    });
    await checkPrivate(path, 'directory', 0o700);
    return new KeyDirectory(path, await readKeys(path, users), false);
  }

  /** New keys in a directory that `remove` deletes. */
  static async makeTemporary(users: readonly string[]): Promise<KeyDirectory> {
    const path = await mkdtemp(join(tmpdir(), 'pcsc-bridge-keys-'));
    return new KeyDirectory(path, await readKeys(path, users), true);
  }

  fileOf(owner: KeyOwner): string {
    return fileIn(this.path, owner);
  }

  /** Deletes a temporary directory; a directory of the user's stays. */
  async remove(): Promise<void> {
    if (this.#temporary) await rm(this.path, { recursive: true, force: true });
  }
}

/** @throws {Error} The name cannot be a user's: it names a file, too. */
export function checkUserName(name: string): string {
  if (!userName.test(name)) {
    throw new Error(
      `"${name}" cannot be a user's name: take 1 to 64 letters, digits, dots, spaces, "_" and "-", with a letter or ` +
        'digit first',
    );
  }
  if (name.toLowerCase() === theBroker.name)
    throw new Error(`"${name}" is the broker's name: give the user another`);
  return name;
}

const fileIn = (path: string, { name }: KeyOwner) => join(path, `${name}.key`);

async function readKeys(path: string, users: readonly string[]): Promise<Map<string, Uint8Array>> {
  const owners: KeyOwner[] = [
    theBroker,
    ...users.map((name): KeyOwner => ({ role: 'user', name: checkUserName(name) })),
  ];
  const keys = new Map<string, Uint8Array>();
  for (const owner of owners) keys.set(identityOf(owner), await readOrMake(fileIn(path, owner), owner));
  return keys;
}

async function readOrMake(file: string, owner: KeyOwner): Promise<Uint8Array> {
  const made = randomBytes(keySize);
  const line = `${identityOf(owner)} ${made.toString('hex')}\n`;
  try {
    await writeFile(file, line, { flag: 'wx', mode: 0o600 });
    return made;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  await checkPrivate(file, 'file', 0o600);
  const text = await readFile(file, 'utf8');
  const [, identity, key] = /^(.+) ([0-9a-f]{64})\r?\n?$/i.exec(text) ?? [];
  if (identity === undefined || key === undefined) {
    throw new Error(`the key file ${file} does not hold a key: delete it, and a new one is made`);
  }
  if (identity !== identityOf(owner)) {
    throw new Error(
      `the key in ${file} is for "${identity}", not for "${identityOf(owner)}": delete it, and a new one is made`,
    );
  }
  return Buffer.from(key, 'hex');
}

/** Windows has no modes: access to a file is inherited from its directory. */
async function checkPrivate(path: string, what: 'directory' | 'file', mode: number): Promise<void> {
  if (process.platform === 'win32') return;
  const status = await lstat(path);
  if (what === 'directory' ? !status.isDirectory() : !status.isFile()) {
    throw new Error(`${path} is no ${what}: keys are kept in a directory of files`);
  }
  if ((status.mode & 0o077) === 0) return;
  throw new Error(
    `other users have access to the key ${what} ${path}: chmod ${mode.toString(8)} it, and delete keys that they ` +
      'may have read',
  );
}
