/** All measurements, in the order in which they run. */
import { abort } from './abort.js';
import { apdu } from './apdu.js';
import { blocked } from './blocked.js';
import { cache } from './cache.js';
import { eightCards } from './eight-cards.js';
import { exit } from './exit.js';
import { handover } from './handover.js';
import { hotplug } from './hotplug.js';
import type { Measurement } from './measure.js';
import { memory } from './memory.js';

export const measurements: readonly Measurement[] = [
  apdu,
  eightCards,
  blocked,
  handover,
  abort,
  cache,
  memory,
  exit,
  hotplug,
];
