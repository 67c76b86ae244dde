/**
 * Publishes the APDUs that go to and from cards: on the diagnostics channel 'pcsc-bridge:apdu' and, with
 * NODE_DEBUG=pcsc-bridge, on standard error. PINs and keys are masked. Without a listener it costs next to nothing.
 */
import { channel } from 'node:diagnostics_channel';
import { debuglog } from 'node:util';
import { encodeCommand } from '../apdu/command.js';
import { type CommandApdu, carriesSecret, formatCommand, maskSecrets } from '../apdu/index.js';
import { formatResponse, maskResponse } from '../apdu/secrets.js';

/** One command and its response, as published on the channel `pcsc-bridge:apdu`. */
export interface ApduTrace {
  reader: string;
  /** The command, zeroed after its fifth byte if it carries a PIN or a key. */
  command: Uint8Array;
  /**
   * The response with its status word, which alone is not zeroed if the card returns a secret in plain text: what it has
   * decrypted, or a shared secret. Undefined if there was no response.
   */
  response: Uint8Array | undefined;
  /** Why there was no response. */
  error: Error | undefined;
  /** Duration in milliseconds. */
  duration: number;
}

const apdus = channel('pcsc-bridge:apdu');
const log = debuglog('pcsc-bridge');

/**
 * Runs a transmit, and publishes it if the channel has a subscriber or the debug log is on.
 *
 * @param command - The whole command. A command that is sent as a chain is published as the equivalent extended APDU.
 */
export function traced(
  reader: string,
  command: Uint8Array | CommandApdu,
  transmit: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  return apdus.hasSubscribers || log.enabled ? publish(reader, command, transmit) : transmit();
}

async function publish(
  reader: string,
  whole: Uint8Array | CommandApdu,
  transmit: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const apdu = encodeCommand(whole);
  const text = log.enabled ? formatCommand(apdu) : '';
  const command = maskSecrets(apdu);
  if (apdu !== whole && carriesSecret(apdu)) apdu.fill(0);
  const start = performance.now();
  const report = (response: Uint8Array | undefined, error: Error | undefined) => {
    const duration = performance.now() - start;
    if (log.enabled) {
      const outcome = response ? formatResponse(command, response) : error?.message;
      log('%s  > %s  < %s  (%s ms)', reader, text, outcome, duration.toFixed(2));
    }
    apdus.publish({
      reader,
      command,
      response: response && maskResponse(command, response),
      error,
      duration,
    } satisfies ApduTrace);
  };
  try {
    const response = await transmit();
    report(response, undefined);
    return response;
  } catch (error) {
    report(undefined, error as Error);
    throw error;
  }
}
