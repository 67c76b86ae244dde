import { describeStatusWord } from './status-word.js';

/** A command failed with a status word. Applets of virtual cards throw it to answer with that status word. */
export class StatusWordError extends Error {
  override readonly name = 'StatusWordError';

  /** @param sw - SW1-SW2 as one number, 0 to 0xFFFF. */
  constructor(readonly sw: number) {
    const number = sw.toString(16).toUpperCase().padStart(4, '0');
    super(`The command ends with status word ${number}: ${describeStatusWord(sw)}.`);
  }
}
