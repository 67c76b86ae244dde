/** The agent as a process, and both sides of a link to it. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { KeyDirectory } from '../../src/tools/repro/agents/keys.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** PCSC_BRIDGE_AGENT selects another build, such as one with sanitizers. */
const program = process.env['PCSC_BRIDGE_AGENT'] ?? `${root}build/agent/pcsc-bridge-agent`;

// biome-ignore lint/suspicious/noExplicitAny: what came over the wire, looked into by tests
export type Message = Record<string, any>;

/** A response of the agent that is an error. */
export class AgentError extends Error {
  readonly code: string;
  constructor(readonly body: Message) {
    super(body['message']);
    this.code = body['code'];
  }
}

/** One side of a link: the one that sends requests. */
export class Asker {
  /** Every line that arrived, in order. */
  readonly lines: string[] = [];
  readonly events: Message[] = [];
  /** Responses whose id is null. */
  readonly strays: Message[] = [];
  readonly #output: Writable;
  readonly #pending = new Map<number, { resolve(result: Message): void; reject(error: Error): void }>();
  readonly #waiters = new Set<() => void>();
  #ended = false;
  #lastId = 0;

  constructor(input: Readable, output: Writable) {
    this.#output = output;
    output.on('error', () => {});
    const reader = createInterface({ input });
    reader.on('line', (line) => this.#onLine(line));
    reader.on('error', () => {}); // reported by 'close'
    reader.on('close', () => {
      this.#ended = true;
      for (const { reject } of this.#pending.values()) reject(new Error('the link ended'));
      this.#wake();
    });
  }

  #wake(): void {
    for (const look of this.#waiters) look();
  }

  #onLine(line: string): void {
    this.lines.push(line);
    const message: Message = JSON.parse(line);
    if ('event' in message) this.events.push(message);
    if (message['id'] === null) this.strays.push(message);
    const pending = this.#pending.get(message['id']);
    if (pending) {
      this.#pending.delete(message['id']);
      if ('error' in message) pending.reject(new AgentError(message['error']));
      else pending.resolve(message['result']);
    }
    this.#wake();
  }

  /** Resolves when the condition holds; rejects if the link ends first. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (condition()) resolve();
        else if (this.#ended) reject(new Error('the link ended'));
        else return;
        this.#waiters.delete(look);
      };
      this.#waiters.add(look);
      look();
    });
  }

  async event(name: string, members: Message = {}): Promise<Message> {
    const find = () =>
      this.events.find(
        (event) =>
          event['event'] === name && Object.entries(members).every(([key, value]) => event[key] === value),
      );
    await this.until(() => find() !== undefined);
    return find() as Message;
  }

  write(text: string | Uint8Array): void {
    this.#output.write(text);
  }

  /** Resolves when all written data has been flushed. */
  async flush(text: string | Uint8Array): Promise<void> {
    if (!this.#output.write(text)) await once(this.#output, 'drain');
  }

  end(): void {
    this.#output.end();
  }

  nextId(): number {
    return ++this.#lastId;
  }

  /** Sends a request and returns its result. */
  ask(command: string, parameters: Message = {}, id: number = this.nextId()): Promise<Message> {
    const answer = this.answer(id);
    this.write(`${JSON.stringify({ id, command, ...parameters })}\n`);
    return answer;
  }

  /** The response for an id, once it arrives. */
  answer(id: number): Promise<Message> {
    const answer = new Promise<Message>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
    });
    answer.catch(() => {});
    return answer;
  }

  /** The error body of the response to a raw line: the response with this id, or the next one without an id. */
  async complaint(line: string | Uint8Array, id: number | null = null): Promise<Message> {
    const before = this.strays.length;
    const answer = id === null ? undefined : this.answer(id);
    this.write(line);
    this.write('\n');
    if (answer === undefined) {
      await this.until(() => this.strays.length > before);
      return (this.strays[before] as Message)['error'];
    }
    return answer.then(
      () => {
        throw new Error('it succeeded');
      },
      (error) => error.body,
    );
  }
}

export interface AgentEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  stderr: string;
}

/** The program. If it uses standard input and output, the process is an Asker too. */
export class AgentProcess implements AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams;
  readonly exited: Promise<AgentEnd>;

  /** @param launcher The command that starts the program, if not this process itself. */
  constructor(args: string[], env: NodeJS.ProcessEnv = {}, launcher: readonly string[] = []) {
    const [command, ...rest] = [...launcher, program, ...args] as [string, ...string[]];
    this.child = spawn(command, rest, { env: { ...process.env, ...env } });
    this.child.stdin.on('error', () => {});
    let stderr = '';
    this.child.stderr.on('data', (data) => {
      stderr += data;
    });
    this.exited = once(this.child, 'close').then(([code, signal]) => ({ code, signal, stderr }));
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

export class Agent extends AgentProcess {
  readonly asker: Asker;
  readonly hello: Promise<Message>;

  constructor(role: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
    super([role, ...args], env);
    this.asker = new Asker(this.child.stdout, this.child.stdin);
    this.hello = this.asker
      .until(() => this.asker.lines.length > 0)
      .then(() => JSON.parse(this.asker.lines[0] as string).hello);
    this.hello.catch(() => {});
  }

  ask(command: string, parameters?: Message, id?: number): Promise<Message> {
    return this.asker.ask(command, parameters, id);
  }

  /** Ends its input and waits for its exit. */
  end(): Promise<AgentEnd> {
    this.asker.end();
    return this.exited;
  }
}

/** Runs the program with these arguments until it exits. */
export async function runAgent(
  args: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<AgentEnd & { stdout: string }> {
  await using agent = new AgentProcess(args, env);
  agent.child.stdin.end();
  let stdout = '';
  agent.child.stdout.on('data', (data) => {
    stdout += data;
  });
  return { ...(await agent.exited), stdout };
}

/** The server that an agent connects to. Listens, on loopback by default, and answers hello as configured. */
export class Controller implements AsyncDisposable {
  readonly address: string;
  readonly keys: KeyDirectory;
  readonly #server: Server;
  readonly #sockets = new Set<TLSSocket>();

  private constructor(server: Server, keys: KeyDirectory) {
    this.#server = server;
    this.keys = keys;
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server does not listen');
    this.address = `${address.address}:${address.port}`;
    server.on('secureConnection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
    });
  }

  static async listen(host = '127.0.0.1'): Promise<Controller> {
    const keys = await KeyDirectory.makeTemporary(['alice']);
    const server = createServer({
      ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
      maxVersion: 'TLSv1.2',
      pskCallback: (_socket, identity) => keys.keys.get(identity) ?? null,
    });
    server.listen(0, host);
    await once(server, 'listening');
    return new Controller(server, keys);
  }

  /** The arguments with which an agent connects here. A user's agent is alice's. */
  invite(role: 'user' | 'broker'): string[] {
    const keyFile = this.keys.fileOf({ role, name: role === 'user' ? 'alice' : 'broker' });
    return [role, '--connect', this.address, '--key-file', keyFile];
  }

  /** The next agent's link, its socket, and its hello, which has not been answered. */
  async accept(): Promise<{ asker: Asker; hello: Message; socket: TLSSocket; raw: Socket }> {
    const connected = once(this.#server, 'connection') as Promise<[Socket]>;
    const [socket] = (await once(this.#server, 'secureConnection')) as [TLSSocket];
    const [raw] = await connected;
    const asker = new Asker(socket, socket);
    await asker.until(() => asker.lines.length > 0);
    return { asker, hello: JSON.parse(asker.lines[0] as string).hello, socket, raw };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
    await this.keys.remove();
  }
}
