/** A private pcscd with virtual readers, for tests and demonstrations. */
export { RigError, type RigErrorCode } from './error.js';
export { CardHold, type HolderLaunch, type HoldOptions } from './hold.js';
export type { Isolation } from './isolation.js';
export { findParts, type Parts, type PartsSearch, packagesDirectory } from './parts.js';
export { MAX_SLOTS } from './reader-config.js';
export { Rig, type RigOptions, type RigReader } from './rig.js';
export type { RigEnvironment } from './setup.js';
export type { DaemonExit } from './supervisor.js';
