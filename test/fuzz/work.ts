/** How much of its input a parser reads: a measure of its work that does not depend on the load of the machine. */

/** A view of `bytes` that counts reads of it and of its subarrays. */
export function counted(bytes: Uint8Array): { bytes: Uint8Array; reads: () => number } {
  let reads = 0;
  const watch = (part: Uint8Array): Uint8Array =>
    new Proxy(part, {
      get(target, name) {
        if (typeof name === 'string' && /^\d+$/.test(name)) reads += 1;
        const value = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...given: unknown[]) => {
          const result = value.apply(target, given);
          // A subarray costs nothing yet; every other method reads all of it.
          if (name === 'subarray') return watch(result);
          reads += target.length;
          return result;
        };
      },
    });
  return { bytes: watch(bytes), reads: () => reads };
}
