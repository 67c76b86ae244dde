import { type ApduCard, send } from './command.js';
import { PivError } from './error.js';
import { PIV_AID } from './identifiers.js';

const SELECT = 0xa4;
const BY_NAME = 0x04;

/**
 * Selects the PIV application (SELECT, SP 800-73-5 part 2, 3.1.1). All other functions of this module require it.
 *
 * @throws {PivError} PIV_NOT_FOUND: the card has no PIV application.
 */
export async function selectPiv(card: ApduCard): Promise<void> {
  const { ok, sw } = await send(card, { ins: SELECT, p1: BY_NAME, p2: 0x00, data: PIV_AID, ne: 256 });
  if (!ok) {
    throw new PivError('PIV_NOT_FOUND', 'The card has no PIV application that can be selected', {
      statusWord: sw,
    });
  }
}
