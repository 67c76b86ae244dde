/** How much of its input a parser looks at: a measure of its work that no busy machine changes. */

/** A view of `bytes` that counts what is read from it, and from its parts. */
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
          // A part of it costs nothing yet; whatever else looks at all of it.
          if (name === 'subarray') return watch(result);
          reads += target.length;
          return result;
        };
      },
    });
  return { bytes: watch(bytes), reads: () => reads };
}
