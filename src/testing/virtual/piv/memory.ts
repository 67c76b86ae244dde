import { decodeTlv, findTlv, MalformedTlvError, SW } from '../../../apdu/index.js';
import { StatusWordError } from '../applet.js';
import type { PivKey } from './key.js';
import type { ManagementKey } from './management.js';
import type { ReferenceData } from './pin.js';
import type { PinPolicy } from './pin-policy.js';

/** A key in its slot. */
export interface Slot {
  readonly key: PivKey;
  readonly pin: PinPolicy;
}

/** What is on the card. Keys, objects and counters outlive a reset; the security status does not. */
export class PivMemory {
  /** By key reference. */
  readonly slots = new Map<number, Slot>();
  /** By tag, each with its container. */
  readonly objects: Map<number, Uint8Array> = new Map();

  constructor(
    readonly pin: ReferenceData,
    readonly puk: ReferenceData,
    readonly globalPin: ReferenceData | undefined,
    readonly management: ManagementKey,
  ) {}

  /** One of the PINs that satisfy the card's rules is verified. */
  get pinVerified(): boolean {
    return this.pin.verified || this.globalPin?.verified === true;
  }

  /** @throws {StatusWordError} 6982: the host has not proved that it has the management key. */
  requireManagement(): void {
    if (!this.management.authenticated) throw new StatusWordError(SW.SECURITY_STATUS_NOT_SATISFIED);
  }

  reset(): void {
    for (const reference of [this.pin, this.puk, this.globalPin]) if (reference) reference.verified = false;
    this.management.reset();
  }
}

/** The data objects in a command, by tag. BER-TLV that the host got wrong is its fault: 6A80. */
export function partsOf(data: Uint8Array): ReadonlyMap<number, Uint8Array> {
  return fromHost(() => new Map(decodeTlv(data).map(({ tag, value }) => [tag, value])));
}

/** Follows a path of tags in a command; as `partsOf`. */
export function findIn(data: Uint8Array, ...path: number[]): Uint8Array | undefined {
  return fromHost(() => findTlv(data, ...path));
}

function fromHost<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof MalformedTlvError) throw new StatusWordError(SW.WRONG_DATA);
    throw error;
  }
}
