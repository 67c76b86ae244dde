/** Virtual smart cards for virtual readers (vsmartcard's vpcd): any PC/SC program sees them. */
export { type Applet, StatusWordError, unknownInstruction } from './applet.js';
export { type AtrOptions, buildAtr } from './atr.js';
export {
  type ApduRecord,
  type CardClosed,
  type CardOptions,
  type CardProcessor,
  type ReaderAddress,
  VirtualCard,
  type VirtualCardOptions,
} from './card.js';
export { CardOs } from './card-os.js';
export { type ApduFault, CardFaults, type FaultTarget, type ForceStatusOptions } from './faults.js';
export { type LinkAddress, type LinkHandler, VpcdLink } from './link.js';
export * from './piv/index.js';
export { type QemuAddress, QemuLink } from './qemu-link.js';
export * from './storage/index.js';
