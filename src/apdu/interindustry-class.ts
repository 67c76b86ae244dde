/** Bit 5 of CLA: more commands of this chain follow (ISO/IEC 7816-4, 5.3.3). */
const CHAINING = 0x10;

/** The class byte read as ISO/IEC 7816-4, 5.4.1 codes it. */
export class InterindustryClass {
  constructor(readonly cla: number) {}

  /** Neither interindustry nor reserved: 0x80-0xFE, whose meaning the application defines. */
  get proprietary(): boolean {
    return this.cla >= 0x80;
  }

  /** 001x xxxx is reserved for future use. */
  get reserved(): boolean {
    return (this.cla & 0xe0) === 0x20 || this.cla === 0xff;
  }

  /** 01xx xxxx: the further interindustry values, for channels 4 to 19. */
  private get further(): boolean {
    return (this.cla & 0xc0) === 0x40;
  }

  /** The command is not the last of its chain. Proprietary classes use the same bit (GlobalPlatform). */
  get chained(): boolean {
    return (this.cla & CHAINING) !== 0;
  }

  /** Logical channel, 0 to 19; of a proprietary class always 0. */
  get channel(): number {
    if (this.proprietary) return 0;
    return this.further ? (this.cla & 0x0f) + 4 : this.cla & 0x03;
  }

  /** Some form of secure messaging is indicated. */
  get secureMessaging(): boolean {
    if (this.proprietary) return false;
    return (this.cla & (this.further ? 0x20 : 0x0c)) !== 0;
  }

  /** The same class as for a command in the middle of a chain, or for its end. */
  withChaining(more: boolean): number {
    return more ? this.cla | CHAINING : this.cla & ~CHAINING;
  }

  /** The class for GET RESPONSE after a command of this class: same channel, no secure messaging. */
  forGetResponse(): number {
    if (this.proprietary) return 0x00;
    return this.further ? this.cla & 0x4f : this.cla & 0x03;
  }
}
