import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { agentProgram } from '../../src/tools/repro/agents/launch.js';

export interface AgentRun {
  process: ChildProcess;
  ended: Promise<{ code: number | null; stderr: string }>;
}

/** Starts the agent itself, on Linux in a terminal session of its own (setsid). */
export function startAgent(
  args: string[],
  env: NodeJS.ProcessEnv = {},
  launcher: readonly string[] = [],
): AgentRun {
  const [command, ...rest] = [...launcher, agentProgram(), ...args] as [string, ...string[]];
  const child = spawn(command, rest, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => ({ code, stderr }));
  return { process: child, ended };
}
