import { expect, test } from 'vitest';
import { checkNotHeld, isHeldBy, whileHolding } from '../../../src/card/reentrancy.js';
import { deferred } from '../../support/time.js';

const [owner, other] = [{}, {}];

test('only the code of a transaction holds its card', async () => {
  const { promise: given, resolve: proceed } = deferred();
  const holding = whileHolding('R', owner, async () => {
    await given;
    expect(() => checkNotHeld('op', 'R', other)).toThrow(/would wait for itself/);
    expect(() => checkNotHeld('op', 'R', owner)).not.toThrow();
    expect(() => checkNotHeld('op', 'S')).not.toThrow();
  });
  expect(() => checkNotHeld('op', 'R')).not.toThrow();
  proceed();
  await holding;
});

test('transactions on different cards may be nested, and all cards are held', async () => {
  await whileHolding('R', owner, () =>
    whileHolding('S', other, async () => {
      expect(isHeldBy('R', owner)).toBe(true);
      expect(isHeldBy('S', other)).toBe(true);
      expect(isHeldBy('S', owner)).toBe(false);
      expect(() => checkNotHeld('op', 'R')).toThrow();
    }),
  );
});

test('code that a transaction left running holds nothing after its end', async () => {
  const { promise: given, resolve: proceed } = deferred();
  let later: Promise<void> | undefined;
  await whileHolding('R', owner, async () => {
    later = given.then(() => checkNotHeld('op', 'R'));
  });
  proceed();
  await later;
});

test('code that a failed transaction left running holds nothing either', async () => {
  let check: (() => void) | undefined;
  const failing = whileHolding('R', undefined, async () => {
    check = () => checkNotHeld('op', 'R');
    expect(check).toThrow();
    throw new Error('failed');
  });
  await expect(failing).rejects.toThrow('failed');
  expect(check).not.toThrow();
});
