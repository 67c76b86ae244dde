/** A program that connects to a Unix socket, optionally in a kernel session and as a user of its own. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const program = `
  const socket = require('node:net').connect(process.argv[1]);
  socket.on('error', (error) => { console.error(error.code); process.exitCode = 1; process.stdin.destroy(); });
  socket.on('connect', () => console.log('connected'));
  socket.on('close', () => process.stdin.destroy());
  process.stdin.pipe(socket);
  socket.pipe(process.stdout);`;

export class LocalClient implements AsyncDisposable {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  /** Its exit code, and the error's code that it printed. */
  readonly ended: Promise<{ code: number | null; stderr: string }>;

  private constructor(process: ChildProcessWithoutNullStreams) {
    this.#process = process;
    this.#lines = createInterface({ input: process.stdout })[Symbol.asyncIterator]();
    let stderr = '';
    process.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // It may have exited before it is written to.
    process.stdin.on('error', () => {});
    this.ended = once(process, 'close').then(([code]) => ({ code, stderr: stderr.trim() }));
  }

  static start(
    path: string,
    options: { ownSession?: boolean; uid?: number; gid?: number } = {},
  ): LocalClient {
    const { ownSession = false, ...user } = options;
    const command = [process.execPath, ['--eval', program, path]] as const;
    return new LocalClient(spawn(...command, { detached: ownSession, cwd: '/', ...user }));
  }

  /** A client that is connected; rejects with the error's code if it cannot connect. */
  static async connect(
    path: string,
    options?: Parameters<typeof LocalClient.start>[1],
  ): Promise<LocalClient> {
    const client = LocalClient.start(path, options);
    const first = await client.line();
    if (first !== 'connected') throw new Error(`not connected: ${(await client.ended).stderr}`);
    return client;
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  send(text: string): void {
    this.#process.stdin.write(text);
  }

  /** The next line that it receives; undefined at the end. */
  async line(): Promise<string | undefined> {
    const { value, done } = await this.#lines.next();
    return done ? undefined : value;
  }

  /** Sends a request in JSON, and reads the response. */
  async ask<T = Record<string, unknown>>(request: object, more = ''): Promise<T> {
    this.send(`${JSON.stringify(request)}\n${more}`);
    const answer = await this.line();
    if (answer === undefined) throw new Error(`no answer: ${(await this.ended).stderr}`);
    return JSON.parse(answer) as T;
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
