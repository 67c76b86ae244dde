/** The hello of an agent. */
import { printable } from '../../../printable.js';
import { describe } from '../../../support/validation.js';
import { identityFrom, isObject, type WireIdentity } from './wire.js';

export const protocol = 1;

export const roles = ['user', 'broker'] as const;
export type Role = (typeof roles)[number];

export interface Hello {
  version: string;
  role: Role;
  name: string;
  pid: number;
  platform: string;
  /** Its terminal session; undefined if the agent could not determine it. */
  session: AgentSession | undefined;
}

/** A terminal session as its agent reports it. */
export type AgentSession = ReturnType<typeof identityFrom> & { user: string };

/** Throws an Error with a sentence for the peer if the line is not an acceptable hello. */
export function parseHello(line: string): Hello {
  const hello = helloIn(line);
  if (hello['protocol'] !== protocol) {
    const spoken = typeof hello['protocol'] === 'number' ? hello['protocol'] : 'none that has a number';
    throw new Error(
      `this controller speaks protocol ${protocol}, the agent ${spoken}: use the agent that came with the controller`,
    );
  }
  const role = roles.find((known) => known === hello['role']);
  if (!role) {
    const given =
      typeof hello['role'] === 'string' ? `"${printable(hello['role'])}"` : describe(hello['role']);
    throw new Error(`an agent's role here is ${roles.join(' or ')}, not ${given}`);
  }
  return {
    version: text(hello, 'version'),
    role,
    name: text(hello, 'name'),
    pid: wholeNumber(hello, 'pid'),
    platform: text(hello, 'platform'),
    session: sessionIn(hello['session']),
  };
}

function helloIn(line: string): Record<string, unknown> {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    throw new Error('the first line must be a hello in JSON');
  }
  const hello = isObject(message) ? message['hello'] : undefined;
  if (!isObject(hello)) throw new Error('the first line must be {"hello":{...}}');
  return hello;
}

function sessionIn(session: unknown): AgentSession | undefined {
  if (session === null || session === undefined) return undefined;
  if (!isObject(session)) throw new Error(`session must be an object or null, not ${describe(session)}`);
  const user = session['user'];
  return {
    ...identityFrom(session as unknown as WireIdentity),
    user: typeof user === 'string' ? printable(user) : '',
  };
}

function text(hello: Record<string, unknown>, member: string): string {
  const value = hello[member];
  if (typeof value !== 'string' || value === '' || value.length > 256) {
    throw new Error(`${member} must be a text of 1 to 256 characters, not ${describe(value)}`);
  }
  return printable(value);
}

function wholeNumber(hello: Record<string, unknown>, member: string): number {
  const value = hello[member];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`${member} must be a whole number, not ${describe(value)}`);
}
