/** Loads the addon. No other file does. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import bindings from 'bindings';
import { PcscError } from '../errors.js';
import { packageRoot, platformName } from './prebuilt.js';
import type { NativeAddon } from './types.js';

// An addon compiled on this machine comes before a prebuilt one. The platform's name is determined only if
// necessary.
const compiled = [
  ['module_root', 'build', 'Release', 'bindings'],
  ['module_root', 'build', 'Debug', 'bindings'],
];
const isCompiled = compiled.some(([, ...path]) =>
  existsSync(join(packageRoot, ...path.slice(0, -1), 'pcsc_bridge.node')),
);

export const native = bindings({
  bindings: 'pcsc_bridge',
  module_root: packageRoot,
  try: isCompiled ? compiled : [['module_root', 'prebuilds', platformName(), 'bindings'], ...compiled],
}) as NativeAddon;

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
