/** Where agents connect to: checks the token and says welcome, or why not. */
import { once } from 'node:events';
import { type AddressInfo, BlockList, createServer, isIPv6, type Server, type Socket } from 'node:net';
import { type Agent, agentFrom, type BrokerAgent, type UserAgent } from './agent.js';
import { type Hello, type PresentedHello, parseHello, protocol } from './hello.js';
import { LineSocket } from './lines.js';
import { sameToken } from './token.js';

export interface ControllerOptions {
  /** An address of this host; loopback unless the agents are elsewhere. */
  host: string;
  /** 0 for any that is free. */
  port: number;
  token: string;
  /** Why an agent with the right token is not wanted, or nothing. */
  admit(hello: Hello): string | undefined;
  onAgent(agent: UserAgent | BrokerAgent): void;
  /** Told of everybody who was sent away. */
  onRefused?(reason: string, address: string): void;
}

/** Milliseconds for a hello, its bytes, and how many connections may be without one. */
const helloTime = 10_000;
const longestHello = 4096;
const mostStrangers = 32;

export class Controller {
  readonly #server: Server;
  readonly #options: ControllerOptions;
  readonly #strangers = new Set<LineSocket>();
  readonly #agents = new Set<Agent>();

  private constructor(server: Server, options: ControllerOptions) {
    this.#server = server;
    this.#options = options;
    server.on('connection', (socket) => this.#receive(socket));
  }

  /** Error, with a sentence, where it cannot listen there. */
  static async listen(options: ControllerOptions): Promise<Controller> {
    const server = createServer();
    const controller = new Controller(server, options);
    server.listen(options.port, options.host);
    try {
      await once(server, 'listening');
    } catch (error) {
      throw new Error(listenProblem(options, error as NodeJS.ErrnoException), { cause: error });
    }
    return controller;
  }

  get host(): string {
    return (this.#server.address() as AddressInfo).address;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Nobody from elsewhere can connect. */
  get isLoopback(): boolean {
    return loopback.check(this.host, isIPv6(this.host) ? 'ipv6' : 'ipv4');
  }

  /** Ends every link; the agents let everything go and end. */
  async close(): Promise<void> {
    const closed = [...this.#agents].map(({ link }) => link.closed);
    for (const stranger of this.#strangers) stranger.destroy();
    for (const agent of this.#agents) agent.close();
    const ended = new Promise((resolve) => this.#server.close(resolve));
    await Promise.all([ended, ...closed]);
  }

  #receive(socket: Socket): void {
    const lines = new LineSocket(socket, longestHello);
    let refusal: string | undefined;
    const refuse = (reason: string) => {
      clearTimeout(timer);
      refusal = reason;
      lines.end(`${JSON.stringify({ refused: reason })}\n`);
    };
    const timer = setTimeout(() => refuse(`no hello came within ${helloTime / 1000} s`), helloTime);
    void lines.closed.then((why) => {
      clearTimeout(timer);
      if (this.#strangers.delete(lines)) this.#options.onRefused?.(refusal ?? why, lines.address);
    });
    this.#strangers.add(lines);
    if (this.#strangers.size > mostStrangers) {
      refuse(`${mostStrangers} connections have not said hello yet; try again`);
    } else {
      lines.onLine((line) => {
        const hello = this.#judge(line);
        if (typeof hello === 'string') return refuse(hello);
        clearTimeout(timer);
        this.#welcome(hello, lines);
      });
    }
  }

  #welcome(hello: Hello, lines: LineSocket): void {
    this.#strangers.delete(lines);
    lines.send(`${JSON.stringify({ welcome: { protocol } })}\n`);
    const agent = agentFrom(hello, lines);
    this.#agents.add(agent);
    void agent.link.closed.then(() => this.#agents.delete(agent));
    this.#options.onAgent(agent);
  }

  /** The hello of somebody who is wanted, or why they are not. */
  #judge(line: string): Hello | string {
    let presented: PresentedHello;
    try {
      presented = parseHello(line);
    } catch (error) {
      return (error as Error).message;
    }
    if (!sameToken(presented.token, this.#options.token)) return 'wrong token';
    return this.#options.admit(presented.hello) ?? presented.hello;
  }
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function listenProblem({ host, port }: ControllerOptions, error: NodeJS.ErrnoException): string {
  const where = `cannot listen on ${isIPv6(host) ? `[${host}]` : host}:${port}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `${where}: another program uses this port; end it or take another port`;
    case 'EADDRNOTAVAIL':
      return `${where}: this host does not have this address`;
    case 'EACCES':
      return `${where}: not permitted; take a port from 1024 on`;
    default:
      return `${where}: ${error.message}`;
  }
}
