/** The requests of a logon in pcscd's protocol, and the outcome of the logon if a fault meets one of them. */
import type { CommandName } from '../../support/pcscd-proxy.js';
import { type Code, documented, type PcscFunction } from './documented-codes.js';

/** How a session logs on. */
export const ways = {
  first: 'a first logon through the cache',
  again: 'a later logon through the cache',
  own: 'a logon on a card of its own',
} as const;
export type Way = keyof typeof ways;

export interface Step {
  way: Way;
  /** The request, as it appears in the name of a test. */
  name: string;
  command: CommandName;
  /** Requests of this command before it. */
  skip: number;
  /** Of the error that the logon ends with. */
  operation: PcscFunction;
  /** Of the error if the timeout expires. */
  waitsAs: string;
  /** None if the response has no code. */
  codes: readonly Code[];
  /** A cached card that does not work is dropped, and the logon connects anew. */
  connectsAnew?: true;
  /** Exception to the rule of its fault. */
  exceptions?: Partial<Record<Fault | Code, Outcome>>;
}

export const faults = {
  late: 'is answered late',
  'in pieces': 'is answered in pieces',
  torn: 'is answered by half before the connection ends',
  cut: 'meets the end of its connection',
  killed: 'meets the death of the daemon',
  stopped: 'meets a stopped daemon',
  never: 'is not answered in time',
  'card pulled': 'meets a card that has been pulled',
  'reader pulled': 'meets a reader that has been pulled',
} as const;
export type Fault = keyof typeof faults;

export type Outcome = 'goes on' | { name: 'PcscError' | 'TimeoutError'; code: string; operation: string };

function fails(code: Code, operation: string): Outcome {
  return { name: 'PcscError', code, operation };
}

const again: Outcome = 'goes on';

function step(
  way: Way,
  name: string,
  command: CommandName,
  operation: PcscFunction,
  rest: Partial<Step> = {},
): Step {
  const waitsAs = way === 'own' ? operation : 'transaction';
  return { way, name, command, skip: 0, operation, waitsAs, codes: documented[operation], ...rest };
}

// The outcome of a code if the core continues. It waits for another process that has or resets the card.
const ofConnect: Step['exceptions'] = { SCARD_E_SHARING_VIOLATION: again, SCARD_E_PROTO_MISMATCH: again };
const ofTransmit: Step['exceptions'] = {
  SCARD_E_PROTO_MISMATCH: fails('SCARD_W_RESET_CARD', 'SCardTransmit'),
};
const ofFirstTransmit: Step['exceptions'] = { SCARD_E_PROTO_MISMATCH: again };
const ofBegin: Step['exceptions'] = { SCARD_E_SHARING_VIOLATION: again, SCARD_W_RESET_CARD: again };

export const look = 'look whether the card is free';

export const steps: Step[] = [
  step('first', 'opening of the connection', 'version', 'SCardEstablishContext', {
    codes: [],
    exceptions: {
      // The connection is opened again.
      torn: again,
      cut: again,
      'card pulled': fails('SCARD_E_NO_SMARTCARD', 'SCardConnect'),
      'reader pulled': fails('SCARD_E_UNKNOWN_READER', 'SCardConnect'),
    },
  }),
  step('first', 'context', 'establish', 'SCardEstablishContext', {
    exceptions: {
      'card pulled': fails('SCARD_E_NO_SMARTCARD', 'SCardConnect'),
      'reader pulled': fails('SCARD_E_UNKNOWN_READER', 'SCardConnect'),
    },
  }),
  step('first', 'connect', 'connect', 'SCardConnect', {
    exceptions: {
      ...ofConnect,
      'card pulled': fails('SCARD_E_NO_SMARTCARD', 'SCardConnect'),
      'reader pulled': fails('SCARD_E_UNKNOWN_READER', 'SCardConnect'),
    },
  }),
  step('first', 'begin', 'begin', 'SCardBeginTransaction', { exceptions: ofBegin }),
  step('first', 'reset after another session', 'reconnect', 'SCardReconnect', {
    exceptions: { 'card pulled': fails('SCARD_E_NO_SMARTCARD', 'SCardReconnect') },
  }),
  step('first', 'question for the ATR', 'table', 'SCardStatus', {
    codes: [],
    // An empty reader has no ATR; the card's absence shows at the next request.
    exceptions: { 'card pulled': fails('SCARD_W_REMOVED_CARD', 'SCardTransmit') },
  }),
  step('first', 'SELECT', 'transmit', 'SCardTransmit', {
    waitsAs: 'SCardTransmit',
    exceptions: ofFirstTransmit,
  }),
  step('first', 'VERIFY', 'transmit', 'SCardTransmit', { skip: 1, waitsAs: 'SCardTransmit', codes: [] }),
  step('first', 'signature', 'transmit', 'SCardTransmit', {
    skip: 2,
    waitsAs: 'SCardTransmit',
    exceptions: ofTransmit,
  }),
  step('first', 'end', 'end', 'SCardEndTransaction', { waitsAs: 'SCardEndTransaction' }),
  step('again', look, 'status', 'SCardBeginTransaction', {
    codes: ['SCARD_E_SHARING_VIOLATION', 'SCARD_E_NO_SERVICE', 'SCARD_W_RESET_CARD'],
    connectsAnew: true,
  }),
  step('again', 'begin', 'begin', 'SCardBeginTransaction', { connectsAnew: true }),
  step('again', 'signature', 'transmit', 'SCardTransmit', { skip: 2, waitsAs: 'SCardTransmit', codes: [] }),
  step('again', 'end', 'end', 'SCardEndTransaction', { waitsAs: 'SCardEndTransaction', codes: [] }),
  step('own', 'context', 'establish', 'SCardEstablishContext', {
    waitsAs: 'SCardConnect',
    codes: [],
    exceptions: {
      'card pulled': fails('SCARD_E_NO_SMARTCARD', 'SCardConnect'),
      'reader pulled': fails('SCARD_E_UNKNOWN_READER', 'SCardConnect'),
    },
  }),
  step('own', 'connect', 'connect', 'SCardConnect', {
    codes: [],
    exceptions: {
      'card pulled': fails('SCARD_E_NO_SMARTCARD', 'SCardConnect'),
      'reader pulled': fails('SCARD_E_UNKNOWN_READER', 'SCardConnect'),
    },
  }),
  step('own', 'reset after another session', 'reconnect', 'SCardReconnect', {
    waitsAs: 'SCardConnect',
    codes: ['SCARD_E_SHARING_VIOLATION', 'SCARD_E_NO_SMARTCARD'],
    exceptions: {
      SCARD_E_SHARING_VIOLATION: again,
      'card pulled': fails('SCARD_E_NO_SMARTCARD', 'SCardReconnect'),
    },
  }),
  step('own', 'begin', 'begin', 'SCardBeginTransaction', { exceptions: ofBegin }),
  step('own', 'status', 'status', 'SCardStatus', { skip: 1 }),
  step('own', 'attribute', 'getAttribute', 'SCardGetAttrib'),
  step('own', 'control', 'control', 'SCardControl', {
    // The reader refuses the code, also without a card.
    exceptions: { 'card pulled': fails('SCARD_W_REMOVED_CARD', 'SCardTransmit') },
  }),
  step('own', 'signature', 'transmit', 'SCardTransmit', { skip: 2, exceptions: ofTransmit }),
  step('own', 'end', 'end', 'SCardEndTransaction'),
];

function ruleOf(step: Step, fault: Fault | Code): Outcome {
  switch (fault) {
    case 'late':
    case 'in pieces':
      return 'goes on';
    case 'torn':
    case 'cut':
    case 'killed':
      return fails('SCARD_E_NO_SERVICE', step.operation);
    case 'stopped':
    case 'never':
      return { name: 'TimeoutError', code: 'TIMEOUT_ERR', operation: step.waitsAs };
    case 'card pulled':
      return fails('SCARD_W_REMOVED_CARD', step.operation);
    case 'reader pulled':
      return fails('SCARD_E_READER_UNAVAILABLE', step.operation);
    default:
      return fails(fault, step.operation);
  }
}

/** Of a logon that connects: an error shows there. */
function ruleOfNew(fault: Fault | Code): Outcome | undefined {
  switch (fault) {
    case 'killed':
      return fails('SCARD_E_NO_SERVICE', 'SCardEstablishContext');
    case 'stopped':
    case 'never':
      return undefined;
    case 'card pulled':
      return fails('SCARD_E_NO_SMARTCARD', 'SCardConnect');
    case 'reader pulled':
      return fails('SCARD_E_UNKNOWN_READER', 'SCardConnect');
    default:
      return 'goes on';
  }
}

export interface Line {
  step: Step;
  fault: Fault | Code;
  outcome: Outcome;
  title: string;
}

/** The table: each step with each fault and each code. */
export const lines: Line[] = steps.flatMap((step) =>
  [...(Object.keys(faults) as Fault[]), ...step.codes].map((fault) => {
    const outcome =
      step.exceptions?.[fault] ?? (step.connectsAnew ? ruleOfNew(fault) : undefined) ?? ruleOf(step, fault);
    const what = fault in faults ? faults[fault as Fault] : `is answered with ${fault}`;
    const end = outcome === 'goes on' ? outcome : `ends with ${outcome.code} of ${outcome.operation}`;
    return { step, fault, outcome, title: `${ways[step.way]} whose ${step.name} ${what} ${end}` };
  }),
);
