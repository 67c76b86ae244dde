/** What a library looks like to the benchmark. */

/** One card as a library gives it. */
export interface AdapterCard {
  transmit(apdu: Uint8Array): Promise<Uint8Array>;
  /** A command and its GET RESPONSEs, where the library has something for it. */
  exchange?(apdu: Uint8Array): Promise<{ length: number }>;
  begin?(): Promise<unknown>;
  end?(): Promise<unknown>;
}

/** The little a library has to be able to do to be measured. */
export interface Adapter {
  /** Connects to the card, shared, by a context of its own where the library allows that. */
  open(reader: string): Promise<AdapterCard>;
  /** Version, for the record. */
  version: string;
}
