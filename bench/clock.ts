/** Milliseconds on the clock that all processes of a host share (CLOCK_MONOTONIC), the C programs among them. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
