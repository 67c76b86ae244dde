/** An error of the native core has the stack of the call that failed. */
import { expect, test } from 'vitest';
import { openBridge, readerAt, startRig } from '../../support/rig.js';
import { errorOf } from '../../support/time.js';

const rig = await startRig({ slots: 1 });
const session = await openBridge().openSession();
const { name } = readerAt(rig);

/** Where the program made the call. */
async function theCallOfTheProgram(call: () => Promise<unknown>): Promise<void> {
  await call();
}

test.each<[string, () => Promise<unknown>]>([
  ['session.connect', () => session.connect(name)],
  ['session.transaction', () => session.transaction(name, () => {})],
  ['session.connect with a timeout', () => session.connect('no such reader', { timeout: 5000 })],
  ['session.waitForCard', () => session.waitForCard({ timeout: 1 })],
])('%s', async (_, call) => {
  const error = await errorOf<Error>(theCallOfTheProgram(call));
  expect(error.stack).toContain(error.message);
  expect(error.stack).toMatch(/at (async )?theCallOfTheProgram \(/);
  expect(error.stack).toContain('errors-name-the-caller.test.ts');
});
