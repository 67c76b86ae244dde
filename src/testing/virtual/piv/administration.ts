/** The commands that change what is on the card. They require authentication with the management key. */
import { type CommandApdu, encodeTlv, ResponseApdu, SW } from '../../../apdu/index.js';
import { algorithmWithId } from '../../../piv/algorithms.js';
import { encodePublicKey } from '../../../piv/public-key.js';
import { importedKey } from './imported-key.js';
import { PivKey } from './key.js';
import { findIn, type PivMemory, partsOf } from './memory.js';
import { type PinPolicy, pinPolicyFor } from './pin-policy.js';
import { slotWith } from './slot.js';

const MANAGEMENT_KEY_REFERENCE = 0x9b;

/** Tags of the commands (SP 800-73-5 part 2, tables 8 and 9; PIN policy: Yubico). */
const TAG_LIST = 0x5c;
const DATA = 0x53;
const DISCOVERY = 0x7e;
const CONTROL_REFERENCE = 0xac;
const CRYPTOGRAPHIC_MECHANISM = 0x80;
const PIN_POLICY = 0xaa;
const PUBLIC_KEY = 0x7f49;

/** PUT DATA (part 2, 3.3.1): a tag list, then the object in its container. An empty object is deleted. */
export function putData(memory: PivMemory, { p1, p2, data }: CommandApdu): ResponseApdu {
  if (p1 !== 0x3f || p2 !== 0xff) return new ResponseApdu(SW.WRONG_P1_P2);
  memory.requireManagement();
  const parts = partsOf(data);
  const tag = tagIn(parts.get(TAG_LIST));
  const content = parts.get(DATA);
  if (tag === undefined || tag === DISCOVERY || content === undefined) return new ResponseApdu(SW.WRONG_DATA);
  if (content.length === 0) memory.objects.delete(tag);
  else memory.objects.set(tag, encodeTlv(DATA, content));
  return ResponseApdu.ok();
}

/** GENERATE ASYMMETRIC KEY PAIR (part 2, 3.3.2). */
export async function generate(memory: PivMemory, { p1, p2, data }: CommandApdu): Promise<ResponseApdu> {
  const slot = slotWith(p2);
  if (p1 !== 0x00 || slot === undefined) return new ResponseApdu(SW.WRONG_P1_P2);
  memory.requireManagement();
  const parts = partsOf(findIn(data, CONTROL_REFERENCE) ?? new Uint8Array(0));
  const algorithm = algorithmWithId(parts.get(CRYPTOGRAPHIC_MECHANISM)?.[0]);
  if (algorithm === undefined) return new ResponseApdu(SW.WRONG_DATA);
  const key = await PivKey.generate(algorithm);
  memory.slots.set(p2, { key, pin: pinPolicyFor(slot, parts.get(PIN_POLICY)?.[0]) });
  return ResponseApdu.ok(encodeTlv(PUBLIC_KEY, encodePublicKey(key.publicKey)));
}

/** IMPORT ASYMMETRIC KEY (Yubico). */
export function importKey(memory: PivMemory, { p1, p2, data }: CommandApdu): ResponseApdu {
  const slot = slotWith(p2);
  const algorithm = algorithmWithId(p1);
  if (slot === undefined || algorithm === undefined) return new ResponseApdu(SW.WRONG_P1_P2);
  memory.requireManagement();
  const parts = partsOf(data);
  const pin: PinPolicy = pinPolicyFor(slot, parts.get(PIN_POLICY)?.[0]);
  memory.slots.set(p2, { key: importedKey(algorithm, parts), pin });
  return ResponseApdu.ok();
}

/** SET MANAGEMENT KEY (Yubico): algorithm, key reference, length, key. */
export function setManagementKey(memory: PivMemory, { p1, p2, data }: CommandApdu): ResponseApdu {
  if (p1 !== 0xff || (p2 !== 0xff && p2 !== 0xfe)) return new ResponseApdu(SW.WRONG_P1_P2);
  memory.requireManagement();
  const [algorithm, reference, length] = data;
  const key = data.subarray(3);
  const wellFormed = reference === MANAGEMENT_KEY_REFERENCE && length === key.length;
  if (!wellFormed || !memory.management.replace(key, algorithm)) return new ResponseApdu(SW.WRONG_DATA);
  return ResponseApdu.ok();
}

/** The one tag of a tag list, 1 to 3 bytes. */
export function tagIn(list: Uint8Array | undefined): number | undefined {
  if (list === undefined || list.length === 0 || list.length > 3) return undefined;
  return list.reduce((tag, byte) => tag * 0x100 + byte, 0);
}
