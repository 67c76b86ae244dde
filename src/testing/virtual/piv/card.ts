import { type CardOptions, type ReaderAddress, VirtualCard, type VirtualCardOptions } from '../card.js';
import { PivApplet, type PivOptions } from './applet.js';

/** The reader, and what is not the PIV application's. */
export type InsertPivOptions = ReaderAddress & Omit<CardOptions, 'applets'>;

export type PivCardOptions = InsertPivOptions & PivOptions;

/** A virtual card with the PIV application on it. */
export class PivCard extends VirtualCard {
  private constructor(
    options: VirtualCardOptions,
    /** The application: its certificates, GUID, and PIN and PUK counters. */
    readonly piv: PivApplet,
  ) {
    super(options);
  }

  /**
   * Puts a PIV card into a reader slot; `applet` may be one that was in a card before, and keeps its state.
   *
   * @throws {Error} As `VirtualCard.insert`.
   */
  static async insertPiv(options: InsertPivOptions, applet: PivApplet): Promise<PivCard> {
    const whole = { ...options, applets: [applet] };
    const card = new PivCard(whole, applet);
    await card.plugIn(whole);
    return card;
  }
}

/**
 * Makes a PIV card, with new keys, and puts it into a reader slot:
 *
 * ```ts
 * await using card = await createPivCard({ port: 35963, pin: '314159', subject: 'Alice' });
 * ```
 *
 * @throws {RangeError | TypeError} As `PivApplet.create`.
 * @throws {Error} As `VirtualCard.insert`.
 */
export async function createPivCard(options: PivCardOptions): Promise<PivCard> {
  return PivCard.insertPiv(options, await PivApplet.create(options));
}
