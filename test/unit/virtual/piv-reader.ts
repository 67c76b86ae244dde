import { encodeTlv, fromHex, toHex } from '../../../src/apdu/index.js';
import { PivApplet, PivCard, type PivOptions } from '../../../src/testing/virtual/index.js';
import { FakeReader } from './fake-reader.js';

export const SELECT_PIV = '00A40400 09 A00000030800001000 00';
/** VERIFY with the default PIN. */
export const VERIFY = '00200080 08 313233343536FFFF';
export const VERIFY_WRONG = '00200080 08 313131313131FFFF';
export const ASK_PIN_STATE = '00200080';

/** A fake reader with a PIV card in it, its application selected. */
export class PivReader implements AsyncDisposable {
  private constructor(
    readonly reader: FakeReader,
    readonly card: PivCard,
  ) {}

  static async with(options: PivOptions = {}): Promise<PivReader> {
    const reader = await FakeReader.listen();
    const applet = await PivApplet.create(options);
    const inside = new PivReader(reader, await PivCard.insertPiv({ port: reader.port }, applet));
    await inside.transmit(SELECT_PIV);
    return inside;
  }

  get piv(): PivApplet {
    return this.card.piv;
  }

  transmit(apdu: string): Promise<string> {
    return this.reader.transmit(apdu);
  }

  /** GET DATA of one object. */
  getData(tag: string) {
    const list = encodeTlv(0x5c, fromHex(tag));
    return this.reader.exchange(`00CB3FFF${toHex(Uint8Array.of(list.length))}${toHex(list)}00`);
  }

  /** GENERAL AUTHENTICATE with these parts in the template. */
  authenticate(p1p2: string, ...parts: Uint8Array[]) {
    const data = encodeTlv(0x7c, ...parts);
    const bytes = fromHex(`0087${p1p2}`);
    return this.reader.exchange(
      Uint8Array.of(...bytes, 0, data.length >> 8, data.length & 0xff, ...data, 0, 0),
    );
  }

  /** The signature of a digest or a padded block. */
  sign(p1p2: string, challenge: Uint8Array) {
    return this.authenticate(p1p2, encodeTlv(0x82), encodeTlv(0x81, challenge));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.card.remove();
    await this.reader[Symbol.asyncDispose]();
  }
}
