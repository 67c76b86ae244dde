/** The PIV application (NIST SP 800-73-4) for virtual cards. */
export type { PivAlgorithm, PivSlot } from '../../../piv/index.js';
export { DEFAULT_PIN, DEFAULT_PUK, PivApplet, type PivOptions } from './applet.js';
export { createPivCard, type InsertPivOptions, PivCard, type PivCardOptions } from './card.js';
export { PIV_AID } from './objects.js';
export { pinBlock, pukBlock, type ReferenceData } from './pin.js';
