import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type LocalConnection, LocalServer, type LocalServerOptions } from '../../../src/local/index.js';

const NOBODY = 65_534;
/** Another user, for the processes of a test. */
export const asNobody = { uid: NOBODY, gid: NOBODY };
const mayRunAsNobody =
  process.getuid?.() === 0 &&
  spawnSync(process.execPath, ['--version'], { cwd: '/', ...asNobody }).status === 0;

/** Skips a test of several users if this process cannot be another user. */
export function skipWithoutNobody(skip: (condition: boolean, note: string) => void): void {
  skip(!mayRunAsNobody, `only root can be another user, and user ${NOBODY} must be able to run Node.js`);
}

/** Makes the directory of a socket accessible to every user. */
export function openDirectoryOf(path: string): void {
  chmodSync(dirname(path), 0o755);
}

/** A directory for this test, readable by everyone. It must be empty again after the test. */
export function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'local-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export interface Listening {
  server: LocalServer;
  path: string;
  /** The next connection. */
  next(): Promise<LocalConnection>;
  refused: unknown[];
}

/** A server, closed after the test. */
export async function listen(
  options: Partial<Extract<LocalServerOptions, { path: string }>> = {},
): Promise<Listening> {
  const { path = join(makeDirectory(), 'broker.sock'), ...rest } = options;
  const came: LocalConnection[] = [];
  const waiting: ((connection: LocalConnection) => void)[] = [];
  const refused: unknown[] = [];
  const server = await LocalServer.listen(
    { path, onRefused: (reason) => refused.push(reason), ...rest },
    (connection) => {
      const waits = waiting.shift();
      if (waits) waits(connection);
      else came.push(connection);
    },
  );
  onTestFinished(() => server.close());
  const next = async () => came.shift() ?? new Promise<LocalConnection>((resolve) => waiting.push(resolve));
  return { server, path, next, refused };
}
