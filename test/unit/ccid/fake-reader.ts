import type { Controllable } from '../../../src/ccid/index.js';
import type { PcscErrorCode } from '../../../src/error-codes.js';
import { PcscError } from '../../../src/errors.js';
import type { WaitOptions } from '../../../src/support/cancellation.js';

type Answer = Uint8Array | Error | ((input: Uint8Array) => Uint8Array);

/** A reader's driver: its response to each control code, and the requests it received. */
export class FakeReader implements Controllable {
  readonly asked: { code: number; input: Uint8Array; options: WaitOptions | undefined }[] = [];

  constructor(readonly answers: Record<number, Answer>) {}

  async control(code: number, input = new Uint8Array(), options?: WaitOptions): Promise<Uint8Array> {
    this.asked.push({ code, input: input.slice(), options });
    const answer = this.answers[code];
    if (answer === undefined) throw refusal('SCARD_E_UNSUPPORTED_FEATURE');
    if (answer instanceof Error) throw answer;
    return typeof answer === 'function' ? answer(input) : answer;
  }
}

export function refusal(code: PcscErrorCode): PcscError {
  return new PcscError({ code, value: 1, text: 'no', operation: 'SCardControl', reader: 'R', detail: '' });
}
