/** The host's side of PIV (NIST SP 800-73-4): read certificates, verify PINs, sign, and log on with a card. */
export { publicKeyOf, readCertificate } from './certificate.js';
export type { ApduCard } from './command.js';
export { readGuid } from './data-object.js';
export { PivError, type PivErrorCode, PivPinError } from './error.js';
export { ALGORITHM_ID, algorithmOf, type PivAlgorithm, type PivSlot, SLOTS } from './identifiers.js';
export { type Logon, type LogonStep, type LogonStepTime, logon } from './logon.js';
export { pinRetriesLeft, verifyPin } from './pin.js';
export { selectPiv } from './select.js';
export { sign } from './sign.js';
