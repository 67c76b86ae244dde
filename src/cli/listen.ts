/** repro --listen: the agents come from elsewhere. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import type { Controller } from '../harness/agents/controller.js';
import { remoteStage } from '../harness/agents/remote-stage.js';
import { checkToken, newToken, readToken, tokenVariable } from '../harness/agents/token.js';
import type { Stage } from '../harness/stage.js';
import { UsageError } from './command.js';
import { write } from './output.js';
import { addressAndPort, wholeNumber } from './parsers.js';
import { askPin } from './pin.js';
import type { Progress } from './progress.js';

export interface ListenOptions {
  sessions: number;
  reader: string[];
  listen?: { host: string; port: number };
  tokenFile?: string;
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
        'says which reader is whose where a user sees several cards',
      addressAndPort,
    )
    .option(
      '--token-file <file>',
      `with --listen: the token agents must have; else it is in ${tokenVariable}, or made and shown`,
    )
    .option(
      '--wait-for-agents <seconds>',
      `with --listen: how long to wait for them (${defaultWait})`,
      wholeNumber(1, 86_400),
    )
    .addOption(
      new Option(
        '--reconnect <how>',
        'with --listen: make up the new connect time after the hold, or wait for the session to reconnect',
      ).choices(['made-up', 'wait']),
    )
    .option(
      '--made-up-sessions',
      'with --listen: number the sessions instead of taking what the agents tell of theirs',
    );
}

/** Error where options do not go together. */
export function checkListenOptions(options: ListenOptions & { agents?: boolean }): void {
  if (options.listen) {
    if (options.madeUpSessions && options.reconnect === 'wait') {
      throw new UsageError('--reconnect wait needs the real sessions; leave out --made-up-sessions');
    }
    return;
  }
  const alone = [
    options.tokenFile !== undefined && '--token-file',
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
): Promise<Stage> {
  if (!options.listen) throw new TypeError('nowhere to listen');
  const readers = readersByUser(options.reader);
  const token = await findToken(options);
  try {
    const stage = await remoteStage({
      ...options.listen,
      token: token.text,
      sessions: options.sessions,
      timeout: (options.waitForAgents ?? defaultWait) * 1000,
      readers,
      madeUpSessions: options.madeUpSessions ?? false,
      waitForReconnect: options.reconnect === 'wait',
      pinOf: (agent) => {
        progress.end();
        return askPin(` of "${agent.hello.name}"`);
      },
      onListening: (controller) => {
        write(process.stderr, invitation(controller, options.sessions, token));
        progress.step('waiting for the agents');
      },
      onAgents: (change, missing) => {
        progress.note(change);
        if (missing) progress.step(`waiting for ${missing}`);
      },
      // In a pipe too: it goes on when that is done.
      onAsked: (what) => {
        progress.end();
        write(process.stderr, `${what}\n`);
        progress.step('waiting for the session to come back');
      },
      signal,
    });
    const close = async () => {
      await stage[Symbol.asyncDispose]();
      await token.remove();
    };
    return { ...stage, [Symbol.asyncDispose]: close };
  } catch (error) {
    await token.remove();
    throw error;
  }
}

interface Token {
  text: string;
  /** Where agents on this host can read it; undefined where somebody gave it to us. */
  file?: string;
  remove(): Promise<void>;
}

async function findToken({ tokenFile }: ListenOptions): Promise<Token> {
  const remove = async () => {};
  if (tokenFile !== undefined) return { text: await readToken(tokenFile), remove };
  const given = process.env[tokenVariable];
  if (given) return { text: checkToken(given, `the token in ${tokenVariable}`), remove };
  const text = newToken();
  const directory = await mkdtemp(join(tmpdir(), 'pcsc-bridge-token-'));
  const file = join(directory, 'token');
  await writeFile(file, `${text}\n`, { mode: 0o600 });
  return { text, file, remove: () => rm(directory, { recursive: true, force: true }) };
}

/** What to start, and where, for whoever reads it. */
function invitation(controller: Controller, sessions: number, token: Token): string {
  const address = reachable(controller.host);
  const where = `${address.includes(':') ? `[${address}]` : address}:${controller.port}`;
  const start = (role: string, name: string) =>
    `  pcsc-bridge-agent ${role} --connect ${where} --token-file ${token.file ?? 'FILE'} --name ${name}`;
  return [
    `Listening on ${controller.host}, port ${controller.port}. Start one broker, and ${sessions} user agents, each in its ` +
      'terminal session and with a name of its own:',
    start('broker', 'broker'),
    start('user', 'alice'),
    token.file
      ? `The token is in that file, and on other hosts goes into one like it: ${token.text}`
      : 'FILE holds the token that was given here.',
    ...(controller.isLoopback
      ? []
      : [
          'Warning: this is not loopback, and the link is not encrypted; PINs go over it. Use an isolated network ' +
            'or a tunnel.',
        ]),
    '',
  ].join('\n');
}

/** An address for others to connect to: of a wildcard, one of this host's. */
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
