/**
 * A Unix socket between programs and their pcscd. It forwards everything until a test defines a fault for a request. It
 * speaks the client protocol of native/backend/daemon/protocol.h, 4:4 to 4:6.
 */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** Commands of the protocol. */
export const Command = {
  establish: 0x01,
  connect: 0x04,
  reconnect: 0x05,
  disconnect: 0x06,
  begin: 0x07,
  end: 0x08,
  transmit: 0x09,
  control: 0x0a,
  status: 0x0b,
  getAttribute: 0x0f,
  version: 0x11,
  table: 0x12,
  watch: 0x13,
  events: 0x15,
  newTable: 0x17,
} as const;
/** Comes before `newTable`, with it: since 4:6 this is the request for the table. */
const tableSize = 0x16;
export type CommandName = keyof typeof Command;

const names = new Map<number, CommandName>([
  ...Object.entries(Command).map(([name, number]): [number, CommandName] => [number, name as CommandName]),
  [tableSize, 'table'],
]);
/** Requests about a card. */
const ofCard: CommandName[] = [
  'reconnect',
  'disconnect',
  'begin',
  'end',
  'transmit',
  'control',
  'status',
  'getAttribute',
];
const unknownReader = 0x80100009;
const readerUnavailable = 0x80100017;

const headerSize = 8;
const readerSize = 184;
const oldTableSize = 16 * readerSize;

/** A request that a fault holds back. */
export interface HeldRequest {
  readonly command: CommandName;
  /** The daemon receives it. */
  pass(): void;
  /** The daemon does not receive it; the client receives its own message back with this code. */
  refuse(code: number): void;
  /** The daemon receives it; the client receives the first half of its response, then the connection ends. */
  passAndTear(): void;
  /** The daemon receives it; the client receives the response in pieces of some bytes. */
  passInPieces(): void;
  /** The client's connection ends. */
  cut(): void;
}

export type Fault = (request: HeldRequest) => void | Promise<void>;

interface Rule {
  command: CommandName;
  skip: number;
  fault: Fault;
}

type Delivery = 'whole' | 'torn' | 'in pieces';

export class PcscdProxy {
  readonly socket: string;
  readonly #daemon: string;
  readonly #links = new Set<Link>();
  #server: Server | undefined;
  #rules: Rule[] = [];
  #stopped = false;
  /** Names of commands, in order of arrival. */
  asked: string[] = [];
  /** As if each reader had been unplugged: requests about a card fail, and the tables are empty. */
  readersGone = false;

  private constructor(socket: string, daemon: string) {
    this.socket = socket;
    this.#daemon = daemon;
  }

  /** Listens at `socket` for clients of the daemon that listens at `daemon`. */
  static async start(socket: string, daemon: string): Promise<PcscdProxy> {
    const proxy = new PcscdProxy(socket, daemon);
    await proxy.revive();
    return proxy;
  }

  /** Open connections. */
  get links(): number {
    return this.#links.size;
  }

  /** A request that has met its fault, or is about to, is removed from the rules. */
  get rulesLeft(): number {
    return this.#rules.length;
  }

  /** From now on, the first request of this command after `skip` others meets the fault. */
  at(command: CommandName, skip: number, fault: Fault): void {
    this.#rules.push({ command, skip, fault });
  }

  forget(): void {
    this.#rules = [];
  }

  /** Every connection ends, and no process listens any more. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const link of this.#links) link.cut();
    if (!server) return;
    server.close();
    await once(server, 'close');
  }

  /** Listens again. */
  async revive(): Promise<void> {
    if (this.#server) return;
    rmSync(this.socket, { force: true });
    const server = createServer((client) => this.#accept(client));
    this.#server = server;
    server.listen(this.socket);
    await once(server, 'listening');
  }

  /** Like SIGSTOP for a daemon: connections are accepted and stay open, and nothing is read or answered. */
  stop(): void {
    this.#stopped = true;
    for (const link of this.#links) link.stop();
  }

  /** Like SIGCONT. */
  resume(): void {
    this.#stopped = false;
    for (const link of this.#links) link.resume();
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.socket, { force: true });
  }

  /** The fault for this request; undefined if it is forwarded. */
  meet(command: CommandName): Fault | undefined {
    this.asked.push(command);
    for (const rule of this.#rules) {
      if (rule.command !== command) continue;
      if (rule.skip > 0) {
        rule.skip -= 1;
        continue;
      }
      this.#rules = this.#rules.filter((one) => one !== rule);
      return rule.fault;
    }
    return undefined;
  }

  #accept(client: Socket): void {
    const link = new Link(this, client, createConnection(this.#daemon));
    this.#links.add(link);
    client.once('close', () => this.#links.delete(link));
    if (this.#stopped) link.stop();
  }
}

/** What is known of a response before it arrives: its length, or how to determine it. */
interface Expected {
  delivery: Delivery;
  /** Undefined until enough of it has arrived. */
  length(answer: Buffer): number | undefined;
  isTable: boolean;
}

class Link {
  readonly #proxy: PcscdProxy;
  readonly #client: Socket;
  readonly #daemon: Socket;
  readonly #expected: Expected[] = [];
  #requests: Buffer = Buffer.alloc(0);
  #answers: Buffer = Buffer.alloc(0);
  #minor = 4;
  #places = 16;
  #held = false;
  /** Cards of this link were in readers that have been removed. */
  #cardsGone = false;

  constructor(proxy: PcscdProxy, client: Socket, daemon: Socket) {
    this.#proxy = proxy;
    this.#client = client;
    this.#daemon = daemon;
    client.on('data', (data) => {
      this.#requests = Buffer.concat([this.#requests, data]);
      this.#takeRequests();
    });
    daemon.on('data', (data) => {
      this.#answers = Buffer.concat([this.#answers, data]);
      this.#takeAnswers();
    });
    for (const [one, other] of [
      [client, daemon],
      [daemon, client],
    ] as const) {
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
  }

  stop(): void {
    this.#client.pause();
    this.#daemon.pause();
  }

  resume(): void {
    this.#client.resume();
    this.#daemon.resume();
  }

  cut(): void {
    this.#client.destroy();
    this.#daemon.destroy();
  }

  #takeRequests(): void {
    while (!this.#held && this.#requests.length >= headerSize) {
      const size = this.#requests.readUInt32LE(0);
      const number = this.#requests.readUInt32LE(4);
      if (this.#requests.length < headerSize + size) return;
      const message = this.#requests.subarray(headerSize, headerSize + size);
      let length = headerSize + size;
      if (number === Command.transmit) length += message.readUInt32LE(12);
      if (number === Command.control) length += message.readUInt32LE(8);
      if (this.#requests.length < length) return;
      const request = Buffer.from(this.#requests.subarray(0, length));
      this.#requests = this.#requests.subarray(length);
      this.#take(request, names.get(number));
    }
  }

  #take(request: Buffer, command: CommandName | undefined): void {
    const fault = command && this.#proxy.meet(command);
    if (!command || !fault) {
      this.#pass(request, command, 'whole');
      return;
    }
    this.#held = true;
    const goOn = (action: () => void) => () => {
      if (this.#client.destroyed) return;
      action();
      this.#held = false;
      this.#takeRequests();
    };
    void fault({
      command,
      pass: goOn(() => this.#pass(request, command, 'whole')),
      passAndTear: goOn(() => this.#pass(request, command, 'torn')),
      passInPieces: goOn(() => this.#pass(request, command, 'in pieces')),
      refuse: (code) => goOn(() => this.#refuse(request, code))(),
      cut: () => this.cut(),
    });
  }

  #codeOfGoneReader(command: CommandName): number | undefined {
    if (this.#proxy.readersGone && command === 'connect') return unknownReader;
    if (this.#proxy.readersGone) this.#cardsGone = true;
    return this.#cardsGone && ofCard.includes(command) ? readerUnavailable : undefined;
  }

  #pass(request: Buffer, command: CommandName | undefined, delivery: Delivery): void {
    const code = command && this.#codeOfGoneReader(command);
    if (code !== undefined) {
      this.#refuse(request, code);
      return;
    }
    const expected = this.#expect(request, command, delivery);
    if (expected) this.#expected.push(expected);
    this.#daemon.write(request);
  }

  #refuse(request: Buffer, code: number): void {
    const answer = Buffer.from(request.subarray(headerSize, headerSize + request.readUInt32LE(0)));
    answer.writeUInt32LE(code, answer.length - 4);
    this.#client.write(answer);
  }

  #expect(request: Buffer, command: CommandName | undefined, delivery: Delivery): Expected | undefined {
    const size = request.readUInt32LE(0);
    const fixed = (length: number, isTable = false) => ({ delivery, length: () => length, isTable });
    // The data behind the message of a successful answer.
    const withData = (at: number) => ({
      delivery,
      isTable: false,
      length: (answer: Buffer) => {
        if (answer.length < size) return undefined;
        return answer.readUInt32LE(size - 4) === 0 ? size + answer.readUInt32LE(at) : size;
      },
    });
    switch (command) {
      case 'version':
        this.#minor = request.readInt32LE(headerSize + 4);
        return fixed(size);
      case 'table':
        if (request.readUInt32LE(4) === Command.table) return fixed(oldTableSize, true);
        return {
          delivery,
          isTable: false,
          length: (answer) => {
            if (answer.length < 4) return undefined;
            this.#places = answer.readInt32LE(0);
            return 4;
          },
        };
      case 'watch':
        return this.#minor < 6 ? fixed(oldTableSize, true) : undefined;
      case 'events':
        return fixed(8);
      case 'newTable':
        return { delivery, isTable: true, length: () => this.#places * readerSize };
      case 'transmit':
        return withData(24);
      case 'control':
        return withData(16);
      default:
        return size > 0 ? fixed(size) : undefined;
    }
  }

  #takeAnswers(): void {
    while (this.#answers.length > 0) {
      const [expected] = this.#expected;
      // An unsolicited report that readers have changed.
      const length = expected ? expected.length(this.#answers) : this.#answers.length;
      if (length === undefined || this.#answers.length < length) return;
      const answer = Buffer.from(this.#answers.subarray(0, length));
      this.#answers = this.#answers.subarray(length);
      this.#expected.shift();
      if (expected?.isTable && this.#proxy.readersGone) answer.fill(0);
      this.#deliver(answer, expected?.delivery ?? 'whole');
    }
  }

  #deliver(answer: Buffer, delivery: Delivery): void {
    switch (delivery) {
      case 'whole':
        this.#client.write(answer);
        return;
      case 'torn':
        this.#client.end(answer.subarray(0, answer.length >> 1));
        this.#daemon.destroy();
        return;
      case 'in pieces':
        void this.#deliverInPieces(answer);
    }
  }

  async #deliverInPieces(answer: Buffer): Promise<void> {
    // The daemon's next response must not overtake the rest of this one.
    this.#daemon.pause();
    const piece = Math.max(1, Math.ceil(answer.length / 20));
    for (let sent = 0; sent < answer.length; sent += piece) {
      this.#client.write(answer.subarray(sent, sent + piece));
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#daemon.resume();
  }
}
