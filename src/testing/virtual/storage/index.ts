/** Contactless storage cards (PC/SC part 3) for virtual readers. */
export { StorageCard, type StorageCardOptions, type StorageOptions } from './card.js';
export { type StorageKind, StorageMemory } from './memory.js';
