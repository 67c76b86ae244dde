/** A connected agent, with its commands (docs/agent-protocol.md). */
import { fromHex } from '../../../apdu/index.js';
import type { SessionIdentity } from '../../../index.js';
import { printable } from '../../../printable.js';
import type { Disposition } from '../../../support/validation.js';
import { AgentLink, type Members } from './agent-link.js';
import { AgentError } from './errors.js';
import type { Hello } from './hello.js';
import type { LineSocket } from './lines.js';
import { identityFrom, identityTo, isObject, type WireIdentity } from './wire.js';

/** Limits how long a command may wait. */
export interface AgentWait {
  timeout: number;
  signal?: AbortSignal | undefined;
}

export interface AgentReader {
  name: string;
  /** Upper-case hexadecimal; undefined if there is no card. */
  atr: string | undefined;
}

/** The commands of both roles. */
export class Agent {
  readonly hello: Hello;
  /** Where it connects from. */
  readonly address: string;
  /** For sentences: `the user agent "alice" (10.0.0.5, pid 4711)`. */
  readonly who: string;
  readonly link: AgentLink;

  constructor(hello: Hello, lines: LineSocket) {
    this.hello = hello;
    this.address = lines.address;
    this.who = `the ${hello.role} agent "${hello.name}" (${this.address}, pid ${hello.pid})`;
    this.link = new AgentLink(lines, this.who);
  }

  /** Its present terminal session; rejects if that is unknown. */
  async session(): Promise<SessionIdentity> {
    return this.identity('session', await this.link.request('session'));
  }

  async readers(signal?: AbortSignal): Promise<AgentReader[]> {
    const { readers } = await this.link.request('readers', {}, { signal });
    if (!Array.isArray(readers)) throw this.malformed('readers');
    return readers.map((reader: unknown) => {
      if (!isObject(reader) || typeof reader['name'] !== 'string') throw this.malformed('readers');
      const { name, atr } = reader;
      return {
        name: name as string,
        atr: typeof atr === 'string' ? printable(atr).toUpperCase() : undefined,
      };
    });
  }

  /** Ends the link; the agent releases everything and exits. */
  close(): void {
    this.link.close();
  }

  protected malformed(command: string): AgentError {
    const message = `its answer to "${command}" is not what docs/agent-protocol.md says`;
    return new AgentError(this.who, command, { code: 'AGENT_E_ANSWER', message });
  }

  protected number(command: string, result: Members, member: string): number {
    const value = result[member];
    if (typeof value !== 'number') throw this.malformed(command);
    return value;
  }

  protected identity(command: string, wire: unknown): SessionIdentity {
    try {
      return identityFrom(wire as WireIdentity);
    } catch {
      throw this.malformed(command);
    }
  }

  protected async exchanged(parameters: Members, apdu: Uint8Array, wait: AgentWait): Promise<Uint8Array> {
    const { response } = await this.link.request('exchange', parameters, { ...wait, apdu });
    if (typeof response !== 'string') throw this.malformed('exchange');
    try {
      return fromHex(response);
    } catch {
      throw this.malformed('exchange');
    }
  }
}

/** A user's program in a terminal session: plain PC/SC. */
export class UserAgent extends Agent {
  /** Connects and begins a transaction; the card's number. */
  async hold(reader: string, wait: AgentWait): Promise<number> {
    const late = (result: Members) => void this.release(Number(result['card'])).catch(() => {});
    const result = await this.link.request('hold', { reader }, { ...wait, late });
    return this.number('hold', result, 'card');
  }

  /** A command and its whole response. */
  exchange(card: number, apdu: Uint8Array, wait: AgentWait): Promise<Uint8Array> {
    return this.exchanged({ card }, apdu, wait);
  }

  /** Ends the transaction and disconnects. */
  async release(card: number, disposition: Exclude<Disposition, 'eject'> = 'leave'): Promise<void> {
    await this.link.request('release', { card, disposition });
  }
}

/** A card found through the broker's cache, in a transaction. */
export interface Acquired {
  lease: number;
  entry: { id: number };
  evaluated: { reader: string; waited: boolean; durationMs: number }[];
}

/** The logon service: one card cache. */
export class BrokerAgent extends Agent {
  /** A new, empty card cache in place of the one before. */
  async cache(filter: 'on' | 'off' | 'system', signal?: AbortSignal): Promise<void> {
    await this.link.request('cache', { filter }, { signal });
  }

  async acquire(identity: SessionIdentity, reader: string, wait: AgentWait): Promise<Acquired> {
    const late = (result: Members) => void this.end(Number(result['lease']), 'reset').catch(() => {});
    const parameters = { identity: identityTo(identity), reader };
    const result = await this.link.request('acquire', parameters, { ...wait, late });
    const { entry, evaluated } = result;
    if (!isObject(entry) || !Array.isArray(evaluated)) throw this.malformed('acquire');
    return {
      lease: this.number('acquire', result, 'lease'),
      entry: { id: this.number('acquire', entry, 'entry') },
      evaluated: evaluated.map((one: unknown) => {
        if (!isObject(one) || typeof one['reader'] !== 'string') throw this.malformed('acquire');
        return {
          reader: one['reader'],
          waited: one['waited'] === true,
          durationMs: this.number('acquire', one, 'durationMs'),
        };
      }),
    };
  }

  exchange(lease: number, apdu: Uint8Array, wait: AgentWait): Promise<Uint8Array> {
    return this.exchanged({ lease }, apdu, wait);
  }

  /** Ends the transaction and gives the card back to the cache. */
  async end(lease: number, disposition: Disposition = 'leave'): Promise<void> {
    await this.link.request('end', { lease, disposition });
  }

  async entries(): Promise<{ id: number; identity: SessionIdentity; reader: string }[]> {
    const { entries } = await this.link.request('entries');
    if (!Array.isArray(entries)) throw this.malformed('entries');
    return entries.map((entry: unknown) => {
      if (!isObject(entry)) throw this.malformed('entries');
      return {
        id: this.number('entries', entry, 'entry'),
        identity: this.identity('entries', entry['identity']),
        reader: String(entry['reader']),
      };
    });
  }
}

export function agentFrom(hello: Hello, lines: LineSocket): UserAgent | BrokerAgent {
  return hello.role === 'user' ? new UserAgent(hello, lines) : new BrokerAgent(hello, lines);
}
