import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { BrokerAgent, UserAgent } from '../../src/harness/agents/agent.js';
import { Controller, type ControllerOptions } from '../../src/harness/agents/controller.js';

export const token = 'a-token-of-these-tests';

export type Message = Record<string, unknown>;

/** The other end of the link as a test plays it: what it sends, and what came. */
export class Peer {
  readonly socket: Socket;
  readonly received: Message[] = [];
  readonly closed: Promise<unknown>;
  #arrived: () => void = () => {};
  #onMessage: (message: Message) => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {}); // told by 'close'
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

  static async connect(port: number): Promise<Peer> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Peer(socket);
  }

  /** A peer that has said hello. */
  static async hello(port: number, changes: Message = {}): Promise<Peer> {
    const peer = await Peer.connect(port);
    peer.send({ hello: helloWith(changes) });
    return peer;
  }

  send(message: Message): void {
    this.socket.write(`${JSON.stringify(message)}\n`);
  }

  /** Answers requests for these commands as they come; undefined leaves one unanswered. */
  answer(
    commands: Record<string, (request: Message) => Promise<Message | undefined> | Message | undefined>,
  ): void {
    const take = async (request: Message) => {
      const result = await commands[String(request['command'])]?.(request);
      if (result) this.send({ id: request['id'], ...('error' in result ? result : { result }) });
    };
    this.#onMessage = (request) => void take(request);
  }

  /** The message that came as number `index`, as soon as it has. */
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

export function helloWith(changes: Message = {}): Message {
  return {
    protocol: 1,
    version: '0.1.0',
    role: 'user',
    name: 'alice',
    pid: 4711,
    platform: 'linux x64 6.1',
    session: { id: 2, connectTime: '133772904000000000', user: 'alice', source: 'wts' },
    token,
    ...changes,
  };
}

/** A controller on a free port, who it let in and whom it refused. */
export async function startController(changes: Partial<ControllerOptions> = {}) {
  const agents: (UserAgent | BrokerAgent)[] = [];
  const refused: string[] = [];
  const controller = await Controller.listen({
    host: '127.0.0.1',
    port: 0,
    token,
    admit: () => undefined,
    onAgent: (agent) => agents.push(agent),
    onRefused: (reason) => refused.push(reason),
    ...changes,
  });
  return { controller, agents, refused };
}

/** An agent, as the controller has it, and the peer that plays it. */
export async function agentAndPeer<A extends UserAgent | BrokerAgent>(
  changes: Message = {},
): Promise<{ agent: A; peer: Peer; controller: Controller }> {
  const { controller, agents } = await startController();
  const peer = await Peer.hello(controller.port, changes);
  await peer.message(0);
  return { agent: agents[0] as A, peer, controller };
}
