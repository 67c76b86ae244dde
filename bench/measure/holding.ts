/** Somebody else's transaction: a program in C holds the card of reader 0. */
import type { Client } from '../client.js';
import type { Setup } from '../setup.js';

export class Holding {
  readonly #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async start(setup: Setup): Promise<Holding> {
    const client = setup.startC('C, holding');
    await client.request('open 1');
    return new Holding(client);
  }

  async begin(): Promise<void> {
    await this.#client.request('begin 0');
  }

  /** When it was about to let go (clock.ts). */
  async end(): Promise<number> {
    return (await this.#client.request<{ at: number }>('end 0')).at;
  }

  async stop(): Promise<void> {
    await this.#client.stop();
  }
}
