/** Checks on what is given on the command line. */
import { InvalidArgumentError } from 'commander';

export function wholeNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < from || value > to || text.trim() === '') {
      throw new InvalidArgumentError(`It must be a whole number from ${from} to ${to}.`);
    }
    return value;
  };
}

/** ADDRESS:PORT; an IPv6 address in brackets. */
export function addressAndPort(text: string): { host: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port > 65_535) {
    throw new InvalidArgumentError('It must be ADDRESS:PORT, such as 127.0.0.1:7616 or [::1]:7616.');
  }
  return { host, port };
}
