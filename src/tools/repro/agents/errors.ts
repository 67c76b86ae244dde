/** Errors between a controller and its agents. */
import { printable } from '../../../printable.js';
import { isObject } from './wire.js';

/** An agent's error answer, with the fields of a PcscError. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
  /** `'SCARD_E_UNKNOWN_READER'`, or the agent's own, such as `'AGENT_E_PARAMETER'`. */
  readonly code: string;
  /** The code as a number; undefined for the agent's own. */
  readonly value: number | undefined;
  /** The PC/SC function that failed. */
  readonly operation: string | undefined;
  /** The reader concerned. */
  readonly reader: string | undefined;

  /** @param answer - The member `error` of an answer, of any type. */
  constructor(who: string, command: string, answer: unknown) {
    const error = isObject(answer) ? answer : {};
    const text = (member: string) => {
      const value = error[member];
      return typeof value === 'string' && value !== '' ? printable(value) : undefined;
    };
    const code = text('code') ?? 'AGENT_E_ANSWER';
    super(
      `${who}: ${text('message') ?? `${command} failed`}${text('message')?.includes(code) ? '' : ` [${code}]`}`,
    );
    this.code = code;
    this.value = typeof error['value'] === 'number' ? error['value'] : undefined;
    this.operation = text('operation');
    this.reader = text('reader');
  }
}

/** The agent has left, or its link is unusable: everything it did has ended. */
export class AgentGoneError extends Error {
  override readonly name = 'AgentGoneError';
  readonly code = 'AGENT_E_GONE';
  /** The agent. */
  readonly who: string;

  constructor(who: string, why: string) {
    super(`${who} went away: ${why}`);
    this.who = who;
  }
}
