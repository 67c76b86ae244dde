/** What a measurement is given, and what it is. */
import type { Contender } from '../contenders.js';
import type { Recorder } from '../recorder.js';
import type { Setup } from '../setup.js';

export interface Context {
  setup: Setup;
  recorder: Recorder;
  quick: boolean;
  /** How often to do something: the one number in a full run, the other in a quick one. */
  times(full: number, quick: number): number;
  /** C and this library, and the peers where they are wanted, each in a new process. */
  contenders(): Contender[];
  progress(text: string): void;
}

export interface Measurement {
  name: string;
  /** The figures it is to bring. */
  metrics: readonly string[];
  run(context: Context): Promise<void>;
}

export const EMPTY = '8010000000';
/** Response lengths in P1 P2, see native/cards.c. */
export const BYTES_256 = '8010010000';
export const BYTES_65000 = '8010FDE8000000';
export const PIECES_16 = '8012100000';
