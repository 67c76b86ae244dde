import { randomBytes, timingSafeEqual } from 'node:crypto';
import { encodeTlv, ResponseApdu, SW } from '../../../apdu/index.js';
import { Template } from '../../../piv/general-authenticate.js';
import type { ManagementAlgorithm } from '../../../piv/index.js';
import { encryptBlock, MANAGEMENT_CIPHERS, type ManagementCipher } from '../../../piv/management-key.js';

/** Of 3DES. OpenSC asks with it for random bytes, whatever the algorithm is. */
const DEFAULT_ALGORITHM_ID = 0x00;

/** What the host has to answer next. */
interface Pending {
  tag: typeof Template.WITNESS | typeof Template.RESPONSE;
  expected: Uint8Array;
}

/** The card management key (9B) and its security status. */
export class ManagementKey {
  authenticated = false;
  #key: Uint8Array;
  #cipher: ManagementCipher;
  #pending: Pending | undefined;

  /** @throws {RangeError} The key does not have the length of the algorithm. */
  constructor(key: Uint8Array, algorithm: ManagementAlgorithm) {
    this.#cipher = MANAGEMENT_CIPHERS[algorithm];
    if (key.length !== this.#cipher.key) {
      throw new RangeError(
        `A key of ${algorithm} has ${this.#cipher.key} bytes, but ${key.length} were given.`,
      );
    }
    this.#key = key.slice();
  }

  /** Algorithm identifier. */
  get algorithmId(): number {
    return this.#cipher.id;
  }

  is(key: Uint8Array): boolean {
    return key.length === this.#key.length && timingSafeEqual(key, this.#key);
  }

  /** False if the card has no such algorithm, or the key has another length. */
  replace(key: Uint8Array, algorithmId: number | undefined): boolean {
    const cipher = Object.values(MANAGEMENT_CIPHERS).find(({ id }) => id === algorithmId);
    if (cipher === undefined || cipher.key !== key.length) return false;
    this.#key.fill(0);
    this.#key = key.slice();
    this.#cipher = cipher;
    return true;
  }

  reset(): void {
    this.authenticated = false;
    this.#pending = undefined;
  }

  /**
   * GENERAL AUTHENTICATE with key 9B (SP 800-73-5 part 2, appendix A.1 and A.2): the host asks for a witness or a
   * challenge, and then answers it.
   */
  generalAuthenticate(algorithmId: number, parts: ReadonlyMap<number, Uint8Array>): ResponseApdu {
    if (algorithmId !== this.#cipher.id && algorithmId !== DEFAULT_ALGORITHM_ID) {
      return new ResponseApdu(SW.WRONG_P1_P2);
    }
    const pending = this.#pending;
    this.#pending = undefined;
    if (parts.get(Template.WITNESS)?.length === 0) {
      const witness = randomBytes(this.#cipher.block);
      this.#pending = { tag: Template.WITNESS, expected: witness };
      return answer(Template.WITNESS, encryptBlock(this.#cipher, this.#key, witness));
    }
    if (parts.get(Template.CHALLENGE)?.length === 0) {
      const challenge = randomBytes(this.#cipher.block);
      this.#pending = { tag: Template.RESPONSE, expected: encryptBlock(this.#cipher, this.#key, challenge) };
      return answer(Template.CHALLENGE, challenge);
    }
    return this.#check(pending, parts);
  }

  #check(pending: Pending | undefined, parts: ReadonlyMap<number, Uint8Array>): ResponseApdu {
    if (pending === undefined) return new ResponseApdu(SW.CONDITIONS_NOT_SATISFIED);
    const given = parts.get(pending.tag);
    const right = given?.length === pending.expected.length && timingSafeEqual(given, pending.expected);
    this.authenticated = right;
    if (!right) return new ResponseApdu(SW.SECURITY_STATUS_NOT_SATISFIED);
    const challenge = parts.get(Template.CHALLENGE);
    if (challenge === undefined) return ResponseApdu.ok();
    if (challenge.length !== this.#cipher.block) return new ResponseApdu(SW.WRONG_DATA);
    return answer(Template.RESPONSE, encryptBlock(this.#cipher, this.#key, challenge));
  }
}

function answer(tag: number, value: Uint8Array): ResponseApdu {
  return ResponseApdu.ok(encodeTlv(Template.DYNAMIC_AUTHENTICATION, encodeTlv(tag, value)));
}
