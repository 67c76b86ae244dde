/**
 * The host's side of PIV (NIST SP 800-73-5, with Yubico's extensions): read certificates, verify and change PINs, sign,
 * decrypt, log on with a card, and set up cards for tests.
 */
export {
  ALGORITHM_ID,
  algorithmOf,
  describeKey,
  type PivAlgorithm,
  signatureHash,
} from './algorithms.js';
export { attest } from './attest.js';
export { publicKeyOf, readCertificate, subjectOf } from './certificate.js';
export type { ApduCard } from './command.js';
export {
  type ChuidOptions,
  deleteCertificate,
  type WriteCertificateOptions,
  writeCertificate,
  writeChuid,
} from './contents.js';
export { readGuid } from './data-object.js';
export { type DecryptOptions, decrypt, deriveSecret } from './decrypt.js';
export { type Discovery, readDiscovery } from './discovery.js';
export { PivError, type PivErrorCode, PivPinError } from './error.js';
export {
  type CurrentSlot,
  type PivSlot,
  type RetiredSlot,
  SLOTS,
  type SlotFacts,
  slotFacts,
} from './identifiers.js';
export { generateKey, importKey, type KeyPolicies } from './key-management.js';
export { type Logon, type LogonOptions, type LogonStep, type LogonStepTime, logon } from './logon.js';
export {
  authenticateManagement,
  changeManagementKey,
  type ManagementAlgorithm,
  type ManagementOptions,
} from './management-key.js';
export {
  changePin,
  changePuk,
  type PinOptions,
  type PinReference,
  pinRetriesLeft,
  retriesLeft,
  unblockPin,
  verifyPin,
} from './pin.js';
export type { OaepHash } from './rsa-padding.js';
export { selectPiv } from './select.js';
export { sign, signMessage } from './sign.js';
