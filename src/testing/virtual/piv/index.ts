/** The PIV application (NIST SP 800-73-5) for virtual cards. */
export type { ManagementAlgorithm, PivAlgorithm, PivSlot } from '../../../piv/index.js';
export { DEFAULT_MANAGEMENT_KEY, DEFAULT_PIN, DEFAULT_PUK, PivApplet, type PivOptions } from './applet.js';
export { createPivCard, type InsertPivOptions, PivCard, type PivCardOptions } from './card.js';
export { PIV_AID } from './objects.js';
export { pinBlock, pukBlock, type ReferenceData } from './pin.js';
export type { YubicoOptions } from './yubico.js';
