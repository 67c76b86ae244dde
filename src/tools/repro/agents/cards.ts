/** Assigns cards to users: each user's program sees its own readers, and the broker must see all of them. */
import type { AgentReader, BrokerAgent, UserAgent } from './agent.js';

/** Returns the reader with the user's card; throws an Error with advice if that is not clear. */
export async function findCard(
  agent: UserAgent,
  named: string | undefined,
  signal?: AbortSignal,
): Promise<string> {
  const readers = await agent.readers(signal);
  const withCard = readers.filter(({ atr }) => atr !== undefined);
  if (named !== undefined) return checkNamed(agent, named, readers);
  const [one, ...more] = withCard;
  if (!one) {
    throw new Error(
      `${agent.who} sees no card: put the user's card into a reader that its session sees (${list(readers)})`,
    );
  }
  if (more.length > 0) {
    throw new Error(
      `${agent.who} sees several cards (${list(withCard)}): say which is the user's with ` +
        `--reader '${agent.hello.name}=READER'`,
    );
  }
  return one.name;
}

/** Throws an Error if two users have the same reader, or if the broker does not see one. */
export async function checkReaders(
  broker: BrokerAgent,
  sessions: readonly { agent: UserAgent; reader: string }[],
  signal?: AbortSignal,
): Promise<void> {
  const seen = await broker.readers(signal);
  const owners = new Map<string, UserAgent>();
  for (const { agent, reader } of sessions) {
    const owner = owners.get(reader);
    if (owner) {
      throw new Error(
        `${owner.who} and ${agent.who} have the same reader, "${reader}": each user needs a card in a reader ` +
          `of their own; --reader 'NAME=READER' says whose is which`,
      );
    }
    owners.set(reader, agent);
    if (seen.some(({ name }) => name === reader)) continue;
    throw new Error(
      `${broker.who} does not see the reader of ${agent.who}, "${reader}" (${list(seen)}): start the broker ` +
        'on the same host, where it sees every reader of the experiment (docs/harness.md)',
    );
  }
}

function checkNamed(agent: UserAgent, named: string, readers: readonly AgentReader[]): string {
  const reader = readers.find(({ name }) => name === named);
  if (reader?.atr !== undefined) return named;
  const what = reader ? 'sees no card in' : 'does not see';
  throw new Error(`${agent.who} ${what} "${named}", which --reader names (${list(readers)})`);
}

function list(readers: readonly AgentReader[]): string {
  if (readers.length === 0) return 'it sees no reader at all';
  const names = readers.map(({ name, atr }) => `"${name}"${atr === undefined ? ', empty' : ''}`);
  return `it sees ${names.join('; ')}`;
}
