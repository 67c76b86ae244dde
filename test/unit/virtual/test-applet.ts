import { setTimeout } from 'node:timers/promises';
import { type CommandApdu, fromHex, ResponseApdu } from '../../../src/apdu/index.js';
import { type Applet, StatusWordError, unknownInstruction } from '../../../src/testing/virtual/index.js';

export const SELECT_TEST = '00A40400 06 F05043534301';

/**
 * An applet for tests: 10 echoes the data, 12 returns P1-P2 bytes, 14 sets and 16 gets a byte of volatile state, 18
 * throws, 1A returns P1-P2 as status word, 1C waits P1 ms, 1E and VERIFY keep the data they received.
 */
export class TestApplet implements Applet {
  readonly aid: Uint8Array;
  state = 0;
  running = 0;
  overlapped = false;
  kept: Uint8Array | undefined;

  constructor(aid = 'F05043534301') {
    this.aid = fromHex(aid);
  }

  reset(): void {
    this.state = 0;
  }

  async process(command: CommandApdu): Promise<ResponseApdu> {
    const { p1, p2, data } = command;
    const number = (p1 << 8) | p2;
    switch (command.ins) {
      case 0x10:
        return ResponseApdu.ok(data.slice());
      case 0x12:
        return ResponseApdu.ok(Uint8Array.from({ length: number }, (_, i) => i & 0xff));
      case 0x14:
        this.state = p2;
        return ResponseApdu.ok();
      case 0x16:
        return ResponseApdu.ok(Uint8Array.of(this.state));
      case 0x18:
        throw new TypeError('a mistake in the applet');
      case 0x1a:
        throw new StatusWordError(number);
      case 0x1c:
        this.running += 1;
        this.overlapped ||= this.running > 1;
        await setTimeout(p1);
        this.running -= 1;
        return ResponseApdu.ok(Uint8Array.of(p1));
      case 0x1e:
      case 0x20:
        this.kept = data;
        return ResponseApdu.ok();
      default:
        return unknownInstruction();
    }
  }
}
