/** Most payload a message of the link can carry: its length field has two bytes. */
export const MAX_PAYLOAD = 0xffff;

const LENGTH_SIZE = 2;

/** One message of the link: two bytes of length, big endian, then the payload. */
export function encodeFrame(payload: Uint8Array): Uint8Array {
  if (payload.length > MAX_PAYLOAD) {
    throw new RangeError(
      `The vpcd link carries at most 65535 bytes in a message, but ${payload.length} were given.`,
    );
  }
  const frame = new Uint8Array(LENGTH_SIZE + payload.length);
  frame[0] = payload.length >> 8;
  frame[1] = payload.length & 0xff;
  frame.set(payload, LENGTH_SIZE);
  return frame;
}

/**
 * Puts the messages of the link together from TCP data, however it was cut up or run together. Each payload
 * is a buffer of its own, so its reader may keep it or wipe it.
 */
export class FrameDecoder {
  #length: number | undefined;
  /** First byte of a length whose second byte has not come yet. */
  #highByte: number | undefined;
  #payload = new Uint8Array(0);
  #filled = 0;

  /** A message has begun that `data` so far has not completed. */
  get midMessage(): boolean {
    return this.#length !== undefined || this.#highByte !== undefined;
  }

  /** Takes the next bytes and yields the payloads they complete. `data` is copied. */
  *push(data: Uint8Array): Generator<Uint8Array> {
    let offset = 0;
    for (;;) {
      if (this.#length === undefined) {
        const byte = data[offset];
        if (byte === undefined) return;
        offset += 1;
        if (this.#highByte === undefined) {
          this.#highByte = byte;
          continue;
        }
        this.#length = (this.#highByte << 8) | byte;
        this.#highByte = undefined;
        this.#payload = new Uint8Array(this.#length);
        this.#filled = 0;
      }
      const part = data.subarray(offset, offset + this.#length - this.#filled);
      this.#payload.set(part, this.#filled);
      this.#filled += part.length;
      offset += part.length;
      if (this.#filled < this.#length) return;
      this.#length = undefined;
      yield this.#payload;
    }
  }
}
