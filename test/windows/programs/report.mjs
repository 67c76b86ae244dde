/** Prints the program's result. The tests compare JSON: bytes are hexadecimal, bigints decimal. */
export function report(answer) {
  const text = JSON.stringify(answer, (_key, value) => {
    if (typeof value === 'bigint') return String(value);
    if (value instanceof Uint8Array) return hex(value);
    return value;
  });
  process.stdout.write(`${text}\n`);
}

export function hex(bytes) {
  return Buffer.from(bytes).toString('hex');
}

/** An error as the tests compare it. */
export function failure(error) {
  const { name, code, value, operation, reader, message } = error;
  return { name, code, value, operation, reader, message };
}
