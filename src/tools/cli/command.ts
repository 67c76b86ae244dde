/** The common part of all commands: signals, error messages, exit statuses. */
import { notify } from './output.js';

/** 0 done; 1 it failed, or found a fault; 2 wrong usage; 130 interrupted. */
export const Exit = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** The command line is wrong; the message says what is accepted. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Runs a command's work. SIGINT and SIGTERM abort its signal. An error is printed on standard error. Sets the process's
 * exit status: the result of the work, else 0.
 */
export async function runCommand(
  name: string,
  work: (signal: AbortSignal) => Promise<number | undefined>,
): Promise<void> {
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    process.exitCode = (await work(interrupt.signal)) ?? Exit.ok;
  } catch (error) {
    const interrupted = interrupt.signal.aborted;
    notify(interrupted ? 'interrupted' : `pcsc-bridge ${name}: ${messageOf(error)}`);
    process.exitCode = interrupted
      ? Exit.interrupted
      : error instanceof UsageError
        ? Exit.usage
        : Exit.failed;
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
