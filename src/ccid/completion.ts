/**
 * bEntryValidationCondition (PC/SC part 10, 2.5.2): the conditions that end the entry of a PIN. Any one of several ends
 * it.
 */
const bits = { 'max-size': 0x01, key: 0x02, timeout: 0x04 } as const;

/**
 * Ends the entry of a PIN when it has its maximum size, when the user presses the validation key, or after the timeout.
 */
export type CompletionCondition = keyof typeof bits;

export function completionConditions(byte: number): CompletionCondition[] {
  return (Object.keys(bits) as CompletionCondition[]).filter((name) => (byte & bits[name]) !== 0);
}

/** @throws {TypeError} A condition is unknown; or there is none, so that the entry would never end. */
export function completionByte(conditions: readonly CompletionCondition[]): number {
  const byte = conditions.reduce((sum, name) => {
    if (!Object.hasOwn(bits, name)) {
      throw new TypeError(
        `completeOn must be one of '${Object.keys(bits).join("', '")}', not '${String(name)}'.`,
      );
    }
    return sum | bits[name];
  }, 0);
  if (byte === 0)
    throw new TypeError('completeOn must name at least one condition that ends the entry of the PIN.');
  return byte;
}
