/** The historical bytes of an answer to reset (ISO/IEC 7816-4:2013, 12.1.1). */

/** A compact-TLV data object: the tag is 1 to 15, or 0x4F for an application identifier. */
export interface CompactTlv {
  tag: number;
  /** What the tag stands for: 'card capabilities'; undefined for a tag that ISO/IEC 7816-4 does not name. */
  name: string | undefined;
  value: Uint8Array;
}

/** Decoded historical bytes. */
export interface HistoricalBytes {
  /**
   * What the first byte, the category indicator, says. 'status': compact-TLV data objects (00), then three bytes of
   * status. 'compact-tlv': data objects (80). 'dir-reference': a reference to a DIR data object (10).
   */
  category: 'status' | 'compact-tlv' | 'dir-reference' | 'proprietary' | 'none';
  objects: CompactTlv[];
  /** The life cycle status byte, of `objects` or the last three bytes. */
  lifeCycle: number | undefined;
  /** SW1-SW2 of the status. */
  sw: number | undefined;
  /** The bytes that have no such form: all but the category indicator, or those after the last whole object. */
  rest: Uint8Array;
}

const NAMES = new Map([
  [0x1, 'country code'],
  [0x2, 'issuer identification number'],
  [0x3, 'card service data'],
  [0x4, 'initial access data'],
  [0x5, "card issuer's data"],
  [0x6, 'pre-issuing data'],
  [0x7, 'card capabilities'],
  [0x8, 'status'],
  [0xf, 'application identifier'],
  [0x4f, 'application identifier'],
]);

const NOTHING = new Uint8Array(0);

/** Decodes historical bytes. It never throws; bytes that do not have the form of their category are `rest`. */
export function decodeHistoricalBytes(bytes: Uint8Array): HistoricalBytes {
  const [first] = bytes;
  const plain = { objects: [], lifeCycle: undefined, sw: undefined };
  if (first === undefined) return { ...plain, category: 'none', rest: NOTHING };
  const body = bytes.subarray(1);
  if (first === 0x10) return { ...plain, category: 'dir-reference', rest: body };
  if (first === 0x00 && body.length >= 3) {
    const status = body.subarray(-3);
    return { category: 'status', ...decodeObjects(body.subarray(0, -3)), ...decodeStatus(status) };
  }
  if (first !== 0x80) return { ...plain, category: 'proprietary', rest: bytes };
  const { objects, rest } = decodeObjects(body);
  const status = objects.find(({ tag }) => tag === 0x8)?.value ?? NOTHING;
  return { category: 'compact-tlv', objects, rest, ...decodeStatus(status) };
}

function decodeObjects(bytes: Uint8Array): { objects: CompactTlv[]; rest: Uint8Array } {
  const objects: CompactTlv[] = [];
  let at = 0;
  while (at < bytes.length) {
    const head = bytes[at] ?? 0;
    // PC/SC part 3 has an application identifier in BER-TLV here: 4F, its length, its bytes.
    const ber = head === 0x4f;
    const start = at + (ber ? 2 : 1);
    const end = start + (ber ? (bytes[at + 1] ?? bytes.length) : head & 0x0f);
    if (head >> 4 === 0 || end > bytes.length) break;
    const tag = ber ? head : head >> 4;
    objects.push({ tag, name: NAMES.get(tag), value: bytes.subarray(start, end) });
    at = end;
  }
  return { objects, rest: bytes.subarray(at) };
}

/** The status is a life cycle status byte, SW1-SW2, or both. */
function decodeStatus(bytes: Uint8Array): Pick<HistoricalBytes, 'lifeCycle' | 'sw'> {
  const [high, low] = bytes.subarray(bytes.length === 3 ? 1 : 0);
  return {
    lifeCycle: bytes.length === 1 || bytes.length === 3 ? bytes[0] : undefined,
    sw: high === undefined || low === undefined ? undefined : (high << 8) | low,
  };
}
