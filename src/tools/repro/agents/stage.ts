/** The common part of stages with agents. */
import type { Player } from '../cast.js';
import type { Stage } from '../stage.js';
import { AgentCast, type AgentCastParts } from './cast.js';
import { Controller } from './controller.js';
import { describeHost, type Roster } from './roster.js';

/** A controller that admits the agents of the roster. */
export function listen(
  roster: Roster,
  where: { host: string; port: number; keys: ReadonlyMap<string, Uint8Array> },
): Promise<Controller> {
  return Controller.listen({
    ...where,
    admit: (hello) => roster.admit(hello),
    onAgent: (agent) => roster.add(agent),
    onRefused: (reason, address) => roster.refused(reason, address),
  });
}

export function stageWith(
  parts: AgentCastParts,
  environment: Record<string, string>,
  close: () => Promise<void>,
): Stage {
  const described = [
    ['broker', parts.broker] as const,
    ...parts.players.map(({ identity, agent }) => [`user of session ${identity.id}`, agent] as const),
  ].map(([part, { hello, address }]) => [
    part,
    `"${hello.name}" on ${address}, ${describeHost(hello)}, pid ${hello.pid}`,
  ]);
  return {
    players: parts.players.map(({ identity, reader, pin }): Player => ({ identity, reader, pin })),
    cast: new AgentCast(parts),
    environment: { ...environment, ...Object.fromEntries(described) },
    [Symbol.asyncDispose]: close,
  };
}
