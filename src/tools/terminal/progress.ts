/**
 * Progress: one line on a terminal, nothing in a pipe. It is written here because progress libraries install signal
 * handlers.
 */
import { printable } from '../../printable.js';

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameEvery = 100;
const eraseLine = '\r\u001b[2K';

export class Progress {
  readonly #stream: NodeJS.WriteStream;
  #step = '';
  #since = 0;
  #frame = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  step(text: string): void {
    if (!this.#stream.isTTY) return;
    this.#step = text;
    this.#since = performance.now();
    this.#timer ??= setInterval(() => this.#draw(), frameEvery).unref();
    this.#draw();
  }

  /** A line that stays. */
  note(text: string): void {
    if (!this.#stream.isTTY) return;
    this.#stream.write(`${eraseLine}${printable(text)}\n`);
    if (this.#timer !== undefined) this.#draw();
  }

  /** Takes itself off the screen. */
  end(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stream.write(eraseLine);
  }

  #draw(): void {
    const seconds = (performance.now() - this.#since) / 1000;
    const frame = frames[this.#frame++ % frames.length];
    const line = `${frame} ${this.#step}${seconds < 1 ? '' : ` (${seconds.toFixed(0)} s)`}`;
    // A line that wraps could not be erased; if the terminal does not report its width, assume 80.
    const width = (this.#stream.columns || 80) - 1;
    this.#stream.write(eraseLine + printable(line).slice(0, width));
  }
}
