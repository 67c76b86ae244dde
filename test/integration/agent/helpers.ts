import { onTestFinished } from 'vitest';
import { Agent, type AgentError } from '../../support/agent.js';
import { errorOf } from '../../support/time.js';

/** An agent on standard input and output that does not outlive its test. */
export function startAgent(role: 'user' | 'broker', args: string[] = []): Agent {
  const agent = new Agent(role, args);
  onTestFinished(() => agent.kill());
  return agent;
}

/** The error code of the response to a request. */
export async function codeOf(answer: Promise<unknown>): Promise<string> {
  return (await errorOf<AgentError>(answer)).code;
}
