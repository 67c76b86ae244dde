/** What is going on, on a terminal; quiet in a pipe. */
import { createSpinner, type Spinner } from 'nanospinner';

export class Progress {
  readonly #spinner: Spinner | undefined;
  #step = '';
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    if (stream.isTTY) this.#spinner = createSpinner('', { stream });
  }

  step(text: string): void {
    if (!this.#spinner) return;
    this.#step = text;
    this.#since = performance.now();
    this.#spinner.start({ text });
    this.#timer ??= setInterval(() => {
      const elapsed = (performance.now() - this.#since) / 1000;
      this.#spinner?.update({ text: elapsed < 1 ? this.#step : `${this.#step} (${elapsed.toFixed(0)} s)` });
    }, 500).unref();
  }

  /** Takes itself off the screen. */
  end(): void {
    clearInterval(this.#timer);
    this.#spinner?.stop();
    this.#spinner?.clear();
  }
}
