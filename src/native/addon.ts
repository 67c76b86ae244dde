/** The addon, initialized. No other file loads it. */
import { isMainThread } from 'node:worker_threads';
import { PcscError } from '../errors.js';
import { loadAddon } from './load.js';
import type { NativeAddon } from './types.js';

export const native = loadAddon() as NativeAddon;

const variables = [
  'PCSCLITE_CSOCK_NAME',
  'PCSC_BRIDGE_LIBRARY',
  'PCSC_BRIDGE_BACKEND',
  'LIBPCSCLITE_DELEGATE',
];

native.initialize(
  (failure) => new PcscError(failure),
  // A worker's process.env is a copy, not the environment of the process.
  () =>
    isMainThread
      ? variables.flatMap((name): [string, string][] => {
          const value = process.env[name];
          return value === undefined ? [] : [[name, value]];
        })
      : [],
);
