/** Contactless storage cards and NFC tags, through the commands of PC/SC part 3. */
export { ContactlessError, type ContactlessErrorCode } from './error.js';
export { decodeNdef, type NdefRecord, Tnf, textOf, uriOf } from './ndef.js';
export { readNdef } from './read-ndef.js';
export {
  type AuthenticateOptions,
  authenticate,
  type ContactlessCard,
  type LoadKeyOptions,
  loadKey,
  readAts,
  readBinary,
  readUid,
  updateBinary,
} from './storage.js';
