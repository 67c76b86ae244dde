/** repro --listen: agents connect from elsewhere. */
import { hostname, networkInterfaces } from 'node:os';
import { type Command, Option } from 'commander';
import type { Controller } from '../repro/agents/controller.js';
import { checkUserName, KeyDirectory, type KeyOwner, theBroker } from '../repro/agents/keys.js';
import { remoteSetup } from '../repro/agents/remote-setup.js';
import type { Setup } from '../repro/setup.js';
import type { Progress } from '../terminal/progress.js';
import { UsageError } from './command.js';
import { write } from './output.js';
import { addressAndPort, wholeNumber } from './parsers.js';
import { askPin } from './pin.js';

export interface ListenOptions {
  sessions: number;
  reader: string[];
  listen?: { host: string; port: number };
  keys?: string;
  user: string[];
  waitForAgents?: number;
  reconnect?: 'made-up' | 'wait';
  madeUpSessions?: boolean;
}

const defaultWait = 600;

export function addListenOptions(command: Command): Command {
  return command
    .option(
      '--listen <address:port>',
      'wait for agents that connect here: a broker, and one user for each of --sessions; --reader NAME=READER ' +
        'assigns a reader to a user who sees several cards',
      addressAndPort,
    )
    .option(
      '--keys <directory>',
      "with --listen: keep the agents' keys in this directory and reuse them; by default new keys are made and " +
        'deleted at the end',
    )
    .option(
      '--user <name>',
      "with --listen: a user's name (give it for each session); by default those of --reader, then user-1, user-2, ...",
      (name: string, names: string[]) => [...names, name],
      [],
    )
    .option(
      '--wait-for-agents <seconds>',
      `with --listen: how long to wait for the agents (${defaultWait})`,
      wholeNumber(1, 86_400),
    )
    .addOption(
      new Option(
        '--reconnect <how>',
        'with --listen: use a made-up connect time after the hold, or wait for the session to reconnect',
      ).choices(['made-up', 'wait']),
    )
    .option(
      '--made-up-sessions',
      'with --listen: number the sessions instead of using those that the agents report',
    );
}

/** Throws if options exclude each other. */
export function checkListenOptions(options: ListenOptions & { agents?: boolean }): void {
  if (options.listen) {
    if (options.madeUpSessions && options.reconnect === 'wait') {
      throw new UsageError('--reconnect wait needs the real sessions; leave out --made-up-sessions');
    }
    return;
  }
  const alone = [
    options.keys !== undefined && '--keys',
    options.user.length > 0 && '--user',
    options.waitForAgents !== undefined && '--wait-for-agents',
    options.reconnect !== undefined && '--reconnect',
    options.madeUpSessions && '--made-up-sessions',
  ].find((name) => typeof name === 'string');
  if (alone) throw new UsageError(`${alone} goes with --listen`);
}

export async function listenForAgents(
  options: ListenOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<Setup> {
  if (!options.listen) throw new TypeError('nowhere to listen');
  const readers = readersByUser(options.reader);
  const users = usersOf(options, readers);
  const keys = await (options.keys === undefined
    ? KeyDirectory.makeTemporary(users)
    : KeyDirectory.open(options.keys, users));
  try {
    const setup = await remoteSetup({
      ...options.listen,
      keys: keys.keys,
      sessions: options.sessions,
      timeout: (options.waitForAgents ?? defaultWait) * 1000,
      readers,
      madeUpSessions: options.madeUpSessions ?? false,
      waitForReconnect: options.reconnect === 'wait',
      pinOf: (agent) => {
        progress.end();
        return askPin(signal, ` of "${agent.hello.name}"`);
      },
      onListening: (controller) => {
        write(process.stderr, invitation(controller, users, keys));
        progress.step('waiting for the agents');
      },
      onAgents: (change, missing) => {
        progress.note(change);
        if (missing) progress.step(`waiting for ${missing}`);
      },
      // Also in a pipe: the scenario continues after this action.
      onAsked: (what) => {
        progress.end();
        write(process.stderr, `${what}\n`);
        progress.step('waiting for the session to come back');
      },
      signal,
    });
    const close = async () => {
      await setup[Symbol.asyncDispose]();
      await keys.remove();
    };
    return { ...setup, [Symbol.asyncDispose]: close };
  } catch (error) {
    await keys.remove();
    throw error;
  }
}

/** A name for each session: those of --user and --reader, then numbered ones. */
function usersOf({ sessions, user }: ListenOptions, readers: ReadonlyMap<string, string>): string[] {
  const named = [...new Set([...user, ...readers.keys()])];
  for (const name of named) checkName(name);
  const folded = new Set(named.map((name) => name.toLowerCase()));
  if (folded.size < named.length) {
    throw new UsageError(`users' names must differ in more than their case: ${named.join(', ')}`);
  }
  if (named.length > sessions) {
    throw new UsageError(`${named.length} users are named (${named.join(', ')}) for --sessions ${sessions}`);
  }
  const numbered = Array.from({ length: sessions }, (_, index) => `user-${index + 1}`);
  const free = numbered.filter((name) => !folded.has(name));
  return [...named, ...free.slice(0, sessions - named.length)];
}

function checkName(name: string): void {
  try {
    checkUserName(name);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** The instructions for the user: which agents to start, and where. */
function invitation(controller: Controller, users: readonly string[], keys: KeyDirectory): string {
  const address = reachable(controller.host);
  const where = `${address.includes(':') ? `[${address}]` : address}:${controller.port}`;
  const start = (owner: KeyOwner) =>
    `  pcsc-bridge-agent ${owner.role} --connect ${where} --key-file ${quoted(keys.fileOf(owner))}`;
  return [
    `Listening on ${controller.host}, port ${controller.port}. Start one broker, and ${users.length} user agents, each ` +
      'in its terminal session:',
    start(theBroker),
    ...users.map((name) => start({ role: 'user', name })),
    'Each file holds a key that opens one role. On another host, its agent needs a copy that only its user can read.',
    '',
  ].join('\n');
}

const quoted = (path: string) => (/[^\w./:\\~-]/.test(path) ? `"${path}"` : path);

/** An address to which other hosts can connect; for a wildcard, one of this host's. */
function reachable(host: string): string {
  if (host !== '0.0.0.0' && host !== '::') return host;
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? hostname();
}

/** NAME=READER; reader names may hold an equals sign, agents' names on the command line may not. */
function readersByUser(given: readonly string[]): Map<string, string> {
  return new Map(
    given.map((text): [string, string] => {
      const at = text.indexOf('=');
      if (at <= 0 || at === text.length - 1) {
        throw new UsageError(
          `with --listen, --reader takes NAME=READER, such as --reader 'alice=Reader 00 00': ${text}`,
        );
      }
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}
