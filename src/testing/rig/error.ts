/** The symbolic code of a RigError. */
export type RigErrorCode =
  /** Packages the rig needs are not installed; the message names them all. */
  | 'RIG_PARTS_MISSING'
  /** This system does not permit an isolated pcscd. */
  | 'RIG_NOT_PERMITTED'
  /** pcscd did not come up with all its readers. */
  | 'RIG_START_FAILED'
  /** No process can hold the card: it is missing, or another program has it; the message contains the PC/SC error. */
  | 'RIG_HOLD_FAILED'
  /** The rig has been stopped, or its supervisor was killed. */
  | 'RIG_STOPPED';

export class RigError extends Error {
  override readonly name = 'RigError';

  constructor(
    readonly code: RigErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
