/** The effects of faults on one APDU. */
export interface ApduFault {
  /** Pull the card instead of answering. */
  readonly remove: boolean;
  /** Lose the card's state, then process. */
  readonly reset: boolean;
  /** Process, but never answer. */
  readonly mute: boolean;
  /** Answer this status word alone, without processing. */
  readonly sw: number | undefined;
}

interface ForcedStatus {
  readonly sw: number;
  readonly ins: number | undefined;
  times: number;
}

export interface ForceStatusOptions {
  /** Only commands with this instruction byte; default all. */
  ins?: number;
  /** How many matching commands; default 1, `Infinity` until `clear`. */
  times?: number;
}

/** The actions of a fault on its card. */
export interface FaultTarget {
  remove(): void;
  reset(): void;
}

/**
 * Faults of a virtual card, which can be switched on and off while it runs. Counting starts with the next APDU that
 * arrives: 1 is that one.
 */
export class CardFaults {
  /** Wait before each APDU is processed, in milliseconds. */
  responseDelay = 0;

  /**
   * Leaves every APDU unanswered. vpcd waits for an answer without limit and serves no other request meanwhile. Only
   * the removal of the card frees a waiting host; setting this back to false helps later APDUs.
   */
  mute = false;

  readonly #target: FaultTarget;
  readonly #forced: ForcedStatus[] = [];
  #removeIn = 0;
  #resetIn = 0;
  #endDelay: (() => void) | undefined;

  constructor(target: FaultTarget) {
    this.#target = target;
  }

  /** Pulls the card now, even while an APDU waits for its answer. */
  remove(): void {
    this.#target.remove();
  }

  /** Pulls the card when the n-th APDU arrives, which stays unanswered. */
  removeOnApdu(n = 1): void {
    this.#removeIn = countdown(n);
  }

  /** Drops the card's state now (selection, verified PIN), as a brown-out does. The host is not notified. */
  reset(): void {
    this.#target.reset();
  }

  /** The same just before the n-th APDU is processed. */
  resetOnApdu(n = 1): void {
    this.#resetIn = countdown(n);
  }

  /** Answers with this status word and no data, without processing the command. Several may be set. */
  forceStatus(sw: number, { ins, times = 1 }: ForceStatusOptions = {}): void {
    this.#forced.push({ sw, ins, times });
  }

  /** Switches every fault off and ends a delay that is running. */
  clear(): void {
    this.responseDelay = 0;
    this.mute = false;
    this.#forced.length = 0;
    this.#removeIn = 0;
    this.#resetIn = 0;
    this.endDelay();
  }

  /** Counts an arriving APDU and returns its effects. Called by the card. */
  take(ins: number | undefined): ApduFault {
    const forced = this.#forced.find((entry) => entry.ins === undefined || entry.ins === ins);
    if (forced !== undefined) {
      forced.times -= 1;
      if (forced.times <= 0) this.#forced.splice(this.#forced.indexOf(forced), 1);
    }
    const remove = this.#removeIn === 1;
    const reset = this.#resetIn === 1;
    if (this.#removeIn > 0) this.#removeIn -= 1;
    if (this.#resetIn > 0) this.#resetIn -= 1;
    return { remove, reset, mute: this.mute, sw: forced?.sw };
  }

  /** Waits for `responseDelay`. Called by the card. */
  delay(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.responseDelay);
      this.#endDelay = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Ends the running delay, if any. Called by the card. */
  endDelay(): void {
    this.#endDelay?.();
    this.#endDelay = undefined;
  }
}

function countdown(n: number): number {
  if (!Number.isInteger(n) || n < 1) throw new RangeError(`APDUs are counted from 1, but ${n} was given.`);
  return n;
}
