/** Checks on what is given on the command line. */
import { InvalidArgumentError, Option } from 'commander';
import type { GetResponseClass } from '../../apdu/index.js';
import type { Protocol } from '../../index.js';

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

const protocolNames: Record<string, Protocol> = { t0: 'T=0', t1: 'T=1', raw: 'raw' };

/** --protocol: parsed to the list that `session.connect` takes; undefined if it is not given. */
export function protocolOption(): Option {
  return new Option(
    '--protocol <name>',
    'the only protocol to use: t0, t1 or raw; default: T=0 or T=1',
  ).argParser((text: string): [Protocol] => {
    const protocol = protocolNames[text.toLowerCase().replace('=', '')];
    if (protocol === undefined) throw new InvalidArgumentError('It must be t0, t1 or raw.');
    return [protocol];
  });
}

/** A class byte in hexadecimal, 00 to FE, or `same`. */
export function getResponseClass(text: string): GetResponseClass {
  if (text === 'same') return 'same';
  if (!/^[0-9a-f]{2}$/i.test(text) || /^ff$/i.test(text)) {
    throw new InvalidArgumentError('It must be a class byte in hexadecimal, 00 to FE, or "same".');
  }
  return Number.parseInt(text, 16);
}
