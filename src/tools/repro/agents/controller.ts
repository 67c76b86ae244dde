/**
 * The controller, to which agents connect. Both sides prove by TLS that they have the agent's key; then the agent is
 * welcomed, or refused with a reason.
 */
import { constants } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, isIPv6 } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { printable } from '../../../printable.js';
import { type Agent, agentFrom, type BrokerAgent, type UserAgent } from './agent.js';
import { type Hello, parseHello, protocol } from './hello.js';
import { identityOf } from './keys.js';
import { LineSocket } from './lines.js';
import { PendingConnections, peerOf } from './pending-connections.js';

export interface ControllerOptions {
  /** An address of this host; loopback if all agents are local. */
  host: string;
  /** 0 for any free port. */
  port: number;
  /** By identity (keys.ts). */
  keys: ReadonlyMap<string, Uint8Array>;
  /** Why an agent with the correct key is refused now; undefined if it is accepted. */
  admit(hello: Hello): string | undefined;
  onAgent(agent: UserAgent | BrokerAgent): void;
  /** Called for every refused connection. */
  onRefused?(reason: string, address: string): void;
}

const longestHello = 4096;

interface Refusal {
  refused: string;
  /** The agent may try again. */
  passing?: true;
}

export class Controller {
  readonly #server: Server;
  readonly #options: ControllerOptions;
  readonly #pending: PendingConnections;
  readonly #agents = new Set<Agent>();
  /** The key of a connection, or the key that it asked for. */
  readonly #identities = new WeakMap<TLSSocket, string>();

  private constructor(options: ControllerOptions) {
    this.#options = options;
    this.#pending = new PendingConnections((reason, address) => options.onRefused?.(reason, address));
    this.#server = createServer({
      ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
      ecdhCurve: 'X25519:P-256',
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
      // A resumed session has no identity.
      secureOptions: constants.SSL_OP_NO_TICKET,
      pskCallback: (socket, identity) => {
        this.#identities.set(socket, identity);
        return options.keys.get(identity) ?? null;
      },
    });
    this.#server.on('connection', (socket) => this.#pending.enter(socket));
    this.#server.on('tlsClientError', (error, socket) => {
      this.#pending.explain(peerOf(socket), handshakeProblem(error, this.#identities.get(socket)));
    });
    this.#server.on('secureConnection', (socket) => this.#receive(socket));
  }

  /** Rejects with an Error if it cannot listen there. */
  static async listen(options: ControllerOptions): Promise<Controller> {
    const controller = new Controller(options);
    controller.#server.listen(options.port, options.host);
    try {
      await once(controller.#server, 'listening');
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

  /** Ends every link; the agents release everything and exit. */
  async close(): Promise<void> {
    const closed = [...this.#agents].map(({ link }) => link.closed);
    this.#pending.closeAll();
    for (const agent of this.#agents) agent.close();
    const ended = new Promise((resolve) => this.#server.close(resolve));
    await Promise.all([ended, ...closed]);
  }

  #receive(socket: TLSSocket): void {
    const peer = peerOf(socket);
    socket.disableRenegotiation();
    // Node reports a renegotiation as an error, but goes on.
    socket.on('error', ({ message }) => {
      this.#pending.explain(peer, message);
      socket.destroy();
    });
    const lines = new LineSocket(socket, longestHello);
    lines.onLine((line) => {
      const hello = this.#judge(line, this.#identities.get(socket));
      if ('refused' in hello) {
        this.#pending.explain(peer, hello.refused);
        lines.end(`${JSON.stringify(hello)}\n`);
      } else if (this.#pending.welcome(peer)) {
        this.#welcome(hello, lines);
      }
    });
  }

  #welcome(hello: Hello, lines: LineSocket): void {
    lines.send(`${JSON.stringify({ welcome: { protocol } })}\n`);
    const agent = agentFrom(hello, lines);
    this.#agents.add(agent);
    void agent.link.closed.then(() => this.#agents.delete(agent));
    this.#options.onAgent(agent);
  }

  /** The hello of an accepted agent, or the reason of a refusal. */
  #judge(line: string, identity: string | undefined): Hello | Refusal {
    let hello: Hello;
    try {
      hello = parseHello(line);
    } catch (error) {
      return { refused: (error as Error).message };
    }
    if (identityOf(hello) !== identity) {
      return { refused: `this key is for "${printable(identity ?? '')}", not for "${identityOf(hello)}"` };
    }
    const refused = this.#options.admit(hello);
    return refused === undefined ? hello : { refused, passing: true };
  }
}

/** Why TLS failed. `identity` is the requested key, if the handshake came that far. */
function handshakeProblem(error: NodeJS.ErrnoException, identity: string | undefined): string {
  const asked = printable(identity ?? '');
  switch (error.code) {
    case 'ERR_SSL_PSK_IDENTITY_NOT_FOUND':
      return `there is no key for "${asked}" here: check the agent's key file`;
    case 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC':
      return `wrong key for "${asked}": check that the agent's key file is the one made here`;
    case 'ECONNRESET':
      return 'the connection was closed before TLS was ready';
    default:
      return `it does not speak TLS 1.2 with a shared key (${error.code ?? error.message})`;
  }
}

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
