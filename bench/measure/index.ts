/** All measurements, in the order in which they run. */
import { abort } from './abort.js';
import { apdu } from './apdu.js';
import { blocked } from './blocked.js';
import { eightCards } from './eight-cards.js';
import { exit } from './exit.js';
import { handover } from './handover.js';
import { hotplug } from './hotplug.js';
import { logonStorm } from './logon-storm.js';
import type { Measurement } from './measure.js';
import { memory } from './memory.js';
import { sessions } from './sessions.js';
import { transaction } from './transaction.js';
import { web } from './web.js';

export const measurements: readonly Measurement[] = [
  apdu,
  transaction,
  web,
  eightCards,
  blocked,
  handover,
  abort,
  memory,
  exit,
  hotplug,
  sessions,
  logonStorm,
];
