/** The expected agents, and those that have connected. */
import { EventEmitter, once } from 'node:events';
import { ScopedAbort } from '../scoped-abort.js';
import { BrokerAgent, type UserAgent } from './agent.js';
import type { Hello } from './hello.js';

export class ExpectedAgents {
  /** In the order of arrival. */
  readonly users: UserAgent[] = [];
  broker: BrokerAgent | undefined;
  readonly #wantedUsers: number;
  readonly #onChange: (change: string) => void;
  readonly #refusals = new Map<string, number>();
  /** Emits 'change' when an agent connects. */
  readonly #changes = new EventEmitter();
  #dismissed = false;
  /** Accepts a second agent for a place that is still taken. */
  #awaited: ((hello: Hello) => boolean) | undefined;

  constructor(wantedUsers: number, onChange: (change: string) => void = () => {}) {
    this.#wantedUsers = wantedUsers;
    this.#onChange = onChange;
  }

  /** Why an agent is refused now; undefined if it is accepted. */
  admit(hello: Hello): string | undefined {
    if (hello.role === 'broker') {
      return this.broker && `one broker is enough: ${this.broker.who} is here already`;
    }
    if (this.#awaited?.(hello)) return undefined;
    const namesake = this.users.find((user) => user.hello.name === hello.name);
    return namesake && `${namesake.who} is here already: start one agent with each user's key`;
  }

  add(agent: UserAgent | BrokerAgent): void {
    if (agent instanceof BrokerAgent) this.broker = agent;
    else this.users.push(agent);
    this.#onChange(`${agent.who} is here: ${describeHost(agent.hello)}`);
    void agent.link.closed.then((gone) => {
      this.#remove(agent);
      if (!this.#dismissed) this.#onChange(gone.message);
    });
    this.#changes.emit('change');
  }

  /** All agents may leave now: report nothing. */
  dismiss(): void {
    this.#dismissed = true;
  }

  /** An agent was refused: reported if others are missing. */
  refused(reason: string, address: string): void {
    const key = `${address}: ${reason}`;
    if (this.#refusals.size < 100 || this.#refusals.has(key)) {
      this.#refusals.set(key, (this.#refusals.get(key) ?? 0) + 1);
    }
    if (this.#refusals.get(key) === 1) this.#onChange(`refused ${key}`);
  }

  /** The missing agents, as part of a sentence; undefined if all have connected. */
  missing(): string | undefined {
    const users = this.#wantedUsers - this.users.length;
    const parts = [
      this.broker ? '' : 'the broker agent',
      users > 0 ? `${users} of ${this.#wantedUsers} user agents` : '',
    ].filter((part) => part !== '');
    return parts.length > 0 ? parts.join(' and ') : undefined;
  }

  /**
   * Waits until all agents have connected. Rejects with an Error that names the missing ones after `timeout`
   * milliseconds.
   */
  async complete(
    timeout: number,
    signal?: AbortSignal,
  ): Promise<{ broker: BrokerAgent; users: UserAgent[] }> {
    using ending = new ScopedAbort(signal);
    const timer = setTimeout(() => ending.end(), timeout);
    try {
      while (this.missing()) await once(this.#changes, 'change', { signal: ending.signal });
    } catch (error) {
      throw signal?.aborted ? error : new Error(this.#absence(timeout));
    } finally {
      clearTimeout(timer);
    }
    return { broker: this.broker as BrokerAgent, users: [...this.users] };
  }

  /** Waits for a user agent that replaces another one. */
  async next(wanted: (hello: Hello) => boolean, signal?: AbortSignal): Promise<UserAgent> {
    this.#awaited = wanted;
    try {
      for (;;) {
        const found = this.users.find(({ hello }) => wanted(hello));
        if (found) return found;
        await once(this.#changes, 'change', signal ? { signal } : {});
      }
    } finally {
      this.#awaited = undefined;
    }
  }

  #absence(timeout: number): string {
    const refusals = [...this.#refusals].map(
      ([key, count]) => `${key}${count > 1 ? ` (${count} times)` : ''}`,
    );
    const refused = refusals.length > 0 ? `; refused meanwhile: ${refusals.slice(0, 5).join('; ')}` : '';
    return `${this.missing()} did not connect within ${timeout / 1000} s${refused}`;
  }

  #remove(agent: UserAgent | BrokerAgent): void {
    if (this.broker === agent) this.broker = undefined;
    const index = this.users.indexOf(agent as UserAgent);
    if (index >= 0) this.users.splice(index, 1);
  }
}

/** Describes where an agent runs. */
export function describeHost({ platform, session, version }: Hello): string {
  const where = session
    ? `terminal session ${session.id}${session.user ? ` of ${session.user}` : ''}`
    : 'terminal session unknown';
  return `${platform}, ${where}, agent ${version}`;
}
