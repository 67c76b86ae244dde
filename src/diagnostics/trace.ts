/**
 * What goes to and from cards, for those who want to look: the diagnostics channel 'pcsc-bridge:apdu' and, with
 * NODE_DEBUG=pcsc-bridge, standard error. PINs and keys are masked; costs next to nothing when nobody looks.
 */
import { channel } from 'node:diagnostics_channel';
import { debuglog } from 'node:util';
import { formatCommand, maskSecrets, toHex } from '../apdu/index.js';

/** One exchange, as published. */
export interface ApduTrace {
  reader: string;
  /** The command, zeroed after its fifth byte if it carries a PIN or a key. */
  command: Uint8Array;
  /** The response with its status word; undefined where there was none. */
  response: Uint8Array | undefined;
  /** Why there was none. */
  error: Error | undefined;
  /** Milliseconds. */
  duration: number;
}

const apdus = channel('pcsc-bridge:apdu');
const log = debuglog('pcsc-bridge');

/** Runs a transmit, and tells of it where anybody looks. */
export function traced(
  reader: string,
  command: Uint8Array,
  transmit: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  return apdus.hasSubscribers || log.enabled ? tell(reader, command, transmit) : transmit();
}

async function tell(
  reader: string,
  apdu: Uint8Array,
  transmit: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const text = log.enabled ? formatCommand(apdu) : '';
  const command = maskSecrets(apdu);
  const start = performance.now();
  const publish = (response: Uint8Array | undefined, error: Error | undefined) => {
    const duration = performance.now() - start;
    const outcome = response ? toHex(response, ' ') : error?.message;
    log('%s  > %s  < %s  (%s ms)', reader, text, outcome, duration.toFixed(2));
    apdus.publish({ reader, command, response, error, duration } satisfies ApduTrace);
  };
  try {
    const response = await transmit();
    publish(response, undefined);
    return response;
  } catch (error) {
    publish(undefined, error as Error);
    throw error;
  }
}
