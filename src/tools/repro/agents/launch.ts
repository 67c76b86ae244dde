/** Agents on this machine, as child processes that end with this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { platformName } from '../../../native/platform.js';
import { findAgent } from '../../../native/programs.js';
import type { KeyOwner } from './keys.js';

/** Milliseconds within which an agent must exit after its link has ended. */
const grace = 3000;

/** @throws {Error} The agent is neither built here nor installed. */
export function agentProgram(): string {
  const program = findAgent();
  if (program === undefined) {
    throw new Error(
      `pcsc-bridge-agent is missing: npm install @pcsc-bridge/agent-${platformName()}, or in the repository scripts/build-agent`,
    );
  }
  return program;
}

export class LaunchedAgents {
  readonly #children: ChildProcess[] = [];
  /** Rejects with an agent's output if the agent ends before `stop`. */
  readonly failed: Promise<never>;
  #fail: (error: Error) => void = () => {};
  #stopping = false;

  constructor() {
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => {}); // its caller handles the rejection
  }

  /** Starts an agent that connects to a controller on this machine. */
  start({ role, name }: KeyOwner, port: number, keyFile: string): void {
    const { PCSC_BRIDGE_PIN: _, ...environment } = process.env;
    const child = spawn(agentProgram(), [role, '--connect', `127.0.0.1:${port}`, '--key-file', keyFile], {
      env: environment,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#children.push(child);
    let complaint = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-2000);
    });
    const tell = (how: string) => {
      if (!this.#stopping) this.#fail(new Error(`the ${role} agent "${name}" ${how}: ${complaint.trim()}`));
    };
    child.on('error', (error) => tell(`did not start (${error.message})`));
    child.on('close', (code, signal) => tell(`ended (${signal ?? `status ${code}`})`));
  }

  /** Waits for all agents to exit, which they do when their links have ended, and kills those that do not. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#children.map(endOf));
  }
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  const patience = new AbortController();
  const late = sleep(grace, undefined, { signal: patience.signal, ref: true }).then(
    () => child.kill('SIGKILL'),
    () => {},
  );
  await ended;
  patience.abort();
  await late;
}
