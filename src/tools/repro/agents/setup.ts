/** The common part of set-ups with agents. */
import type { ScenarioSession } from '../participants.js';
import type { Setup } from '../setup.js';
import { Controller } from './controller.js';
import { describeHost, type ExpectedAgents } from './expected-agents.js';
import { AgentParticipants, type AgentParticipantsOptions } from './participants.js';

/** A controller that admits the agents of the expected. */
export function listen(
  expected: ExpectedAgents,
  where: { host: string; port: number; keys: ReadonlyMap<string, Uint8Array> },
): Promise<Controller> {
  return Controller.listen({
    ...where,
    admit: (hello) => expected.admit(hello),
    onAgent: (agent) => expected.add(agent),
    onRefused: (reason, address) => expected.refused(reason, address),
  });
}

export function setupWith(
  parts: AgentParticipantsOptions,
  environment: Record<string, string>,
  close: () => Promise<void>,
): Setup {
  const described = [
    ['broker', parts.broker] as const,
    ...parts.sessions.map(({ identity, agent }) => [`user of session ${identity.id}`, agent] as const),
  ].map(([part, { hello, address }]) => [
    part,
    `"${hello.name}" on ${address}, ${describeHost(hello)}, pid ${hello.pid}`,
  ]);
  return {
    sessions: parts.sessions.map(({ identity, reader, pin }): ScenarioSession => ({ identity, reader, pin })),
    participants: new AgentParticipants(parts),
    environment: { ...environment, ...Object.fromEntries(described) },
    [Symbol.asyncDispose]: close,
  };
}
