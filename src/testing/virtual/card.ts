import { setTimeout } from 'node:timers/promises';
import { carriesSecret, maskSecrets, type ResponseApdu } from '../../apdu/index.js';
import type { Applet } from './applet.js';
import { buildAtr } from './atr.js';
import { CardOs } from './card-os.js';
import { CardFaults } from './faults.js';
import { type LinkAddress, type LinkHandler, VpcdLink } from './link.js';
import { type QemuAddress, QemuLink } from './qemu-link.js';
import { untilPolled } from './removal.js';

/** One APDU that the card has processed. */
export interface ApduRecord {
  /** 1 for the first APDU since the card was inserted. */
  readonly sequence: number;
  /** The command; everything after the fifth byte is zeroed when it carries a PIN or a key (`masked`). */
  readonly command: Uint8Array;
  readonly masked: boolean;
  /** The answer; undefined if a fault suppressed it. */
  readonly response: Uint8Array | undefined;
  /** From the arrival of the command to its answer, in milliseconds. */
  readonly durationMs: number;
}

/** Why a card is no longer in its reader. */
export interface CardClosed {
  /** Removed by this program (`remove`, a fault), or the reader ended the link. */
  readonly reason: 'removed' | 'reader-gone';
  /** The network error that ended the link, if one did. */
  readonly error?: Error;
}

/** The reader that a card goes into: a slot of vpcd, or a USB reader of QEMU. */
export type ReaderAddress = LinkAddress | QemuAddress;

export type VirtualCardOptions = ReaderAddress & CardOptions;

export interface CardOptions {
  /** Applications on the card. None is selected until the host selects one. */
  applets: readonly Applet[];
  /** Answer to reset; default `buildAtr()`. */
  atr?: Uint8Array;
  /** How long to wait for the reader to take the card, in milliseconds; default 10,000. */
  timeout?: number;
  /**
   * Called after each APDU, with PINs and keys masked. An error that it throws becomes an uncaught exception and does
   * not affect the APDU.
   */
  onApdu?: (record: ApduRecord) => void;
}

/** What is on a card: it answers commands one after another. */
export interface CardProcessor {
  /** Never rejects, and always answers with a status word. `bytes` is wiped afterwards if it carries a PIN or a key. */
  process(bytes: Uint8Array): Promise<ResponseApdu>;
  /** The card lost power or was reset. */
  reset(): void;
}

const INSERT_TIMEOUT_MS = 10_000;

/**
 * pcscd reports a card to its clients just after it has the ATR (0.2 ms as measured), and sends the card no message at
 * that point. A client that asks earlier sees no card.
 */
const PUBLISH_MS = 20;

/** pcscd polls every 400 ms, and a removal takes two polls at most. Only a pcscd that is stopped needs longer. */
const NOTICE_LIMIT_MS = 2000;

/**
 * A smart card in a virtual reader (vsmartcard's vpcd), seen by every PC/SC program on the host. It processes
 * APDUs strictly one after another. A card in the reader keeps the process alive.
 */
export class VirtualCard {
  readonly atr: Uint8Array;
  readonly faults: CardFaults;
  /** Settles, always successfully, when the link to the reader has ended. */
  readonly closed: Promise<CardClosed>;

  readonly #os: CardProcessor;
  readonly #onApdu: VirtualCardOptions['onApdu'];
  readonly #address: ReaderAddress;
  #link: VpcdLink | QemuLink | undefined;
  /** The removal, from its first request; settles when the reader has noticed. */
  #removal: Promise<void> | undefined;
  /** The tail of what has been queued; never rejects. */
  #queue: Promise<void> = Promise.resolve();
  #apduCount = 0;
  /** True if this program ended the link. */
  #removed = false;
  /** True if the link has ended or is ending: queued APDUs stay unprocessed. */
  #out = false;
  #inserted!: () => void;
  #close!: (closed: CardClosed) => void;

  protected constructor(options: VirtualCardOptions, processor: CardProcessor = new CardOs(options.applets)) {
    this.atr = options.atr ?? buildAtr();
    this.faults = new CardFaults({ remove: () => this.#pull(), reset: () => this.#os.reset() });
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
    this.#address = options;
    this.#os = processor;
    this.#onApdu = options.onApdu;
  }

  /**
   * Inserts a card into the reader slot that listens on `port`, or into QEMU's reader at `socket`. Resolves when the reader
   * has powered the card and read its ATR, plus 20 ms in which PC/SC programs learn of it. pcscd polls every 400 ms, so
   * this may take that long. QEMU's reader takes the card at once, and the guest's pcscd sees it within 400 ms.
   *
   * The same applets can be inserted again after removal. Their persistent state (PIN, retry counters, keys) is kept.
   *
   * @throws {Error} No program listens at the port; the reader does not power the card in time, because another card is
   *   in the slot; or it ends the link. `cause` is the network error.
   */
  static async insert(options: VirtualCardOptions): Promise<VirtualCard> {
    const card = new VirtualCard(options);
    await card.plugIn(options);
    return card;
  }

  /** APDUs that have arrived since the card was inserted. */
  get apduCount(): number {
    return this.#apduCount;
  }

  /**
   * Takes the card out of the reader, and resolves when the reader has noticed: a card that is inserted then is a new
   * card to every PC/SC program. pcscd polls every 400 ms, so this takes up to half a second, and up to 900 ms if a
   * program uses the card at the same time. If pcscd is stopped, resolves after two seconds. An APDU in progress stays
   * unanswered. For a reader of QEMU, resolves when QEMU has noticed; the guest's pcscd does within 400 ms.
   * A second call waits for the same removal.
   */
  remove(): Promise<void> {
    this.#pull();
    this.#removal ??= this.#untilNoticed();
    return this.#removal;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.remove();
  }

  async #untilNoticed(): Promise<void> {
    const link = this.#link;
    if (link === undefined) return;
    const limit = AbortSignal.timeout(NOTICE_LIMIT_MS);
    const giveUp = () => link.destroy();
    limit.addEventListener('abort', giveUp);
    const { reason } = await this.closed;
    limit.removeEventListener('abort', giveUp);
    if (reason === 'removed' && link instanceof VpcdLink && 'port' in this.#address) {
      await untilPolled(link, this.#address, limit);
    }
  }

  /** The work of `insert`, for subclasses. */
  protected async plugIn(options: VirtualCardOptions): Promise<void> {
    const { timeout = INSERT_TIMEOUT_MS } = options;
    const inserted = new Promise<void>((resolve) => {
      this.#inserted = resolve;
    });
    const deadline = new AbortController();
    const timer = globalThis.setTimeout(() => deadline.abort(), timeout);
    try {
      this.#link =
        'socket' in options
          ? await QemuLink.connect(options, this.#handler(), deadline.signal)
          : await VpcdLink.connect(options, this.#handler(), deadline.signal);
      const early = await Promise.race([inserted, this.closed]);
      if (early !== undefined) throw early.error ?? new Error('The reader closed the connection.');
    } catch (cause) {
      const at = 'socket' in options ? options.socket : `${options.host ?? '127.0.0.1'}:${options.port}`;
      throw new Error(
        deadline.signal.aborted
          ? `The reader at ${at} did not power the card within ${timeout} ms: is another card in the slot?`
          : `The reader at ${at} did not take the card: ${cause instanceof Error ? cause.message : cause}`,
        { cause },
      );
    } finally {
      clearTimeout(timer);
    }
    await setTimeout(PUBLISH_MS);
  }

  #handler(): LinkHandler {
    let powered = false;
    const restart = () => this.#enqueue(() => this.#os.reset());
    return {
      powerOn: () => {
        powered = true;
        restart();
      },
      powerOff: () => restart(),
      reset: () => restart(),
      atr: () => {
        if (powered) this.#inserted();
        return this.atr;
      },
      apdu: (command) => {
        this.#apduCount += 1;
        const sequence = this.#apduCount;
        this.#enqueue(() => this.#answer(sequence, command));
      },
      closed: (error) => {
        this.#out = true;
        this.faults.endDelay();
        this.#os.reset();
        const reason = this.#removed ? 'removed' : 'reader-gone';
        this.#close(error === undefined ? { reason } : { reason, error });
      },
    };
  }

  #enqueue(work: () => void | Promise<void>): void {
    this.#queue = this.#queue.then(work).catch(throwLater);
  }

  async #answer(sequence: number, command: Uint8Array): Promise<void> {
    const arrived = performance.now();
    const masked = carriesSecret(command);
    const forLog = this.#onApdu === undefined ? undefined : maskSecrets(command);
    const response = await this.#respond(command);
    if (response !== undefined) this.#link?.send(response);
    if (masked) command.fill(0);
    if (forLog !== undefined) {
      this.#report({ sequence, command: forLog, masked, response, durationMs: performance.now() - arrived });
    }
  }

  async #respond(command: Uint8Array): Promise<Uint8Array | undefined> {
    const fault = this.faults.take(command[1]);
    if (this.faults.responseDelay > 0) await this.faults.delay();
    if (fault.remove) {
      this.#pull();
      return undefined;
    }
    if (this.#out) return undefined;
    if (fault.reset) this.#os.reset();
    if (fault.sw !== undefined) return fault.mute ? undefined : Uint8Array.of(fault.sw >> 8, fault.sw & 0xff);
    const response = await this.#os.process(command);
    return fault.mute ? undefined : response.encode();
  }

  #report(record: ApduRecord): void {
    try {
      this.#onApdu?.(record);
    } catch (error) {
      throwLater(error);
    }
  }

  #pull(): void {
    if (this.#out) return;
    this.#out = true;
    this.#removed = true;
    this.#link?.close();
  }
}

/** Reports an error of a hook or applet as an uncaught exception, without an effect on the card. */
function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
