/** What a run found: figures by name, how they came about, and what could not be measured. */
import { tidy } from './statistics.js';

export interface Results {
  schema: 1;
  metrics: Record<string, number>;
  details: Record<string, unknown> & { failures: Record<string, string> };
}

export class Recorder {
  readonly #metrics: Record<string, number> = {};
  readonly #details: Record<string, unknown> = {};
  readonly #failures: Record<string, string> = {};

  metric(name: string, value: number): void {
    this.#metrics[name] = tidy(value);
  }

  /** How a figure came about: samples, spread, what else was seen. */
  detail(name: string, detail: unknown): void {
    this.#details[name] = rounded(detail);
  }

  /** A figure that could not be had, or a library that could not be measured, and why. */
  failed(name: string, why: unknown): void {
    this.#failures[name] = why instanceof Error ? why.message : String(why);
  }

  get results(): Results {
    return { schema: 1, metrics: this.#metrics, details: { ...this.#details, failures: this.#failures } };
  }
}

function rounded(detail: unknown): unknown {
  if (typeof detail === 'number') return Number.isInteger(detail) ? detail : tidy(detail);
  if (Array.isArray(detail)) return detail.map(rounded);
  if (typeof detail !== 'object' || detail === null) return detail;
  return Object.fromEntries(Object.entries(detail).map(([key, value]) => [key, rounded(value)]));
}
