/** bEntryValidationCondition (PC/SC part 10, 2.5.2): what ends the entry of a PIN. Any of several may. */
const bits = { 'max-size': 0x01, key: 0x02, timeout: 0x04 } as const;

/** The PIN has its maximum size; the user pressed the validation key; the time is over. */
export type CompletionCondition = keyof typeof bits;

export function completionConditions(byte: number): CompletionCondition[] {
  return (Object.keys(bits) as CompletionCondition[]).filter((name) => (byte & bits[name]) !== 0);
}

/** @throws {TypeError} One of them is none; or there is none, and the entry would never end. */
export function completionByte(conditions: readonly CompletionCondition[]): number {
  const byte = conditions.reduce((sum, name) => {
    if (!Object.hasOwn(bits, name)) {
      throw new TypeError(`completeOn: '${String(name)}' is none of '${Object.keys(bits).join("', '")}'.`);
    }
    return sum | bits[name];
  }, 0);
  if (byte === 0) throw new TypeError('completeOn must name what ends the entry of the PIN.');
  return byte;
}
