import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type ConnectionOptions, connect } from 'node:tls';
import type { BrokerAgent, UserAgent } from '../../src/tools/repro/agents/agent.js';
import { Controller, type ControllerOptions } from '../../src/tools/repro/agents/controller.js';
import type { Role } from '../../src/tools/repro/agents/hello.js';
import { identityOf } from '../../src/tools/repro/agents/keys.js';

/** The key of an identity in these tests. */
export const keyOf = (identity: string) => createHash('sha256').update(identity).digest();

/** The keys that a controller of these tests has: all except Mallory's. */
export const keys: ReadonlyMap<string, Uint8Array> = new (class extends Map<string, Uint8Array> {
  override get(identity: string) {
    return identity === 'user:mallory' ? undefined : keyOf(identity);
  }
})();

export type Message = Record<string, unknown>;

/** The other end of the link, played by a test: what it sends, and what it received. */
export class Peer {
  readonly socket: Socket;
  readonly received: Message[] = [];
  readonly closed: Promise<unknown>;
  #arrived: () => void = () => {};
  #onMessage: (message: Message) => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {}); // reported by 'close'
    this.closed = new Promise((resolve) => socket.on('close', resolve));
    createInterface({ input: socket })
      .on('line', (line) => {
        const message = JSON.parse(line) as Message;
        this.received.push(message);
        this.#arrived();
        this.#onMessage(message);
      })
      .on('error', () => {});
  }

  /** Without TLS, like any program that finds the port. */
  static async connectPlainly(port: number, localAddress = '127.0.0.1'): Promise<Peer> {
    const socket = connectTcp({ port, host: '127.0.0.1', localAddress });
    await once(socket, 'connect');
    return new Peer(socket);
  }

  /** Rejects if the TLS handshake fails. */
  static async connect(
    port: number,
    identity = 'user:alice',
    changes: ConnectionOptions = {},
  ): Promise<Peer> {
    const socket = connect({ ...tlsAs(identity), host: '127.0.0.1', port, ...changes });
    await once(socket, 'secureConnect');
    return new Peer(socket);
  }

  /** A peer that has sent hello, with the key of another identity if one is given. */
  static async hello(port: number, changes: Message = {}, identity?: string): Promise<Peer> {
    const hello = helloWith(changes);
    const own = { role: hello['role'] as Role, name: String(hello['name']) };
    const peer = await Peer.connect(port, identity ?? identityOf(own));
    peer.send({ hello });
    return peer;
  }

  send(message: Message): void {
    this.socket.write(`${JSON.stringify(message)}\n`);
  }

  /** Answers requests for these commands as they arrive; undefined leaves a request unanswered. */
  answer(
    commands: Record<string, (request: Message) => Promise<Message | undefined> | Message | undefined>,
  ): void {
    const take = async (request: Message) => {
      const result = await commands[String(request['command'])]?.(request);
      if (result) this.send({ id: request['id'], ...('error' in result ? result : { result }) });
    };
    this.#onMessage = (request) => void take(request);
  }

  /** The message with this index, once it has arrived. */
  async message(index: number): Promise<Message> {
    while (this.received.length <= index) {
      await new Promise<void>((resolve, reject) => {
        this.#arrived = resolve;
        void this.closed.then(() => reject(new Error(`closed before message ${index}`)));
      });
    }
    return this.received[index] as Message;
  }
}

/** TLS with the parameters of an agent. */
export function tlsAs(identity: string, key: Uint8Array = keyOf(identity)): ConnectionOptions {
  return {
    ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    pskCallback: () => ({ identity, psk: key }),
    checkServerIdentity: () => undefined,
  };
}

export function helloWith(changes: Message = {}): Message {
  return {
    protocol: 1,
    version: '0.1.0',
    role: 'user',
    name: changes['role'] === 'broker' ? 'broker' : 'alice',
    pid: 4711,
    platform: 'linux x64 6.1',
    session: { id: 2, connectTime: '133772904000000000', user: 'alice', source: 'wts' },
    ...changes,
  };
}

/** A controller on a free port, with the agents it admitted and those it rejected. */
export async function startController(changes: Partial<ControllerOptions> = {}) {
  const agents: (UserAgent | BrokerAgent)[] = [];
  const refused: string[] = [];
  const controller = await Controller.listen({
    host: '127.0.0.1',
    port: 0,
    keys,
    admit: () => undefined,
    onAgent: (agent) => agents.push(agent),
    onRefused: (reason) => refused.push(reason),
    ...changes,
  });
  return { controller, agents, refused };
}

/** An agent, as the controller sees it, and the peer that plays it. */
export async function agentAndPeer<A extends UserAgent | BrokerAgent>(
  changes: Message = {},
): Promise<{ agent: A; peer: Peer; controller: Controller }> {
  const { controller, agents } = await startController();
  const peer = await Peer.hello(controller.port, changes);
  await peer.message(0);
  return { agent: agents[0] as A, peer, controller };
}
