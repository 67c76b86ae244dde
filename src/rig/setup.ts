/** What a rig lays out for its daemon, and what daemon and clients find in their environments. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { delimiter } from 'node:path';
import type { RigDirectory } from './directory.js';
import type { Place } from './isolation.js';
import type { Parts } from './parts.js';
import type { PcscdFeatures } from './pcscd.js';
import { freePortPairs } from './ports.js';
import { type Device, readerConfig, SLOTS_PER_DEVICE } from './reader-config.js';

/** What a process needs in its environment to reach the rig's daemon. */
export type RigEnvironment = { PCSCLITE_CSOCK_NAME: string } & Record<string, string>;

export interface Setup {
  parts: Parts;
  features: PcscdFeatures;
  directory: RigDirectory;
  place: Place;
  devices: Device[];
  slots: number;
}

export async function makeDevices(
  names: readonly string[],
  directory: RigDirectory,
  driver: string,
  signal?: AbortSignal,
): Promise<Device[]> {
  const ports = await freePortPairs(names.length, signal);
  return await Promise.all(
    names.map(async (friendlyName, index) => {
      const copy = `${directory.drivers}/libifdvpcd-${index}.so`;
      await copyFile(driver, copy);
      return { friendlyName, driver: copy, port: ports[index] as number };
    }),
  );
}

export async function layOut({ directory, place, devices }: Setup): Promise<void> {
  await mkdir(place.ipc, { recursive: true, mode: 0o755 });
  await mkdir(place.empty);
  await mkdir(`${directory.path}/readers`);
  // One file: pcscd takes several in no particular order.
  await writeFile(`${directory.path}/readers/virtual`, readerConfig(devices));
}

export function pcscdCommand({ parts, features, directory }: Setup): string[] {
  return [
    parts.pcscd,
    '--foreground',
    '--config',
    `${directory.path}/readers`,
    ...(features.canDisablePolkit ? ['--disable-polkit'] : []),
  ];
}

export function daemonEnvironment(parts: Parts): NodeJS.ProcessEnv {
  return {
    PATH: [process.env['PATH'], '/usr/sbin', '/usr/bin', '/sbin', '/bin'].filter(Boolean).join(delimiter),
    LC_ALL: 'C',
    ...libraryPath(parts),
  };
}

export function clientEnvironment(parts: Parts, socket: string): RigEnvironment {
  return {
    PCSCLITE_CSOCK_NAME: socket,
    ...(parts.library ? { PCSC_BRIDGE_LIBRARY: parts.library, ...libraryPath(parts) } : {}),
  };
}

function libraryPath({ libraryPath }: Parts): Record<string, string> {
  const paths = [...libraryPath, process.env['LD_LIBRARY_PATH']].filter(Boolean);
  return paths.length > 0 ? { LD_LIBRARY_PATH: paths.join(delimiter) } : {};
}

export function portOf(devices: readonly Device[], slot: number): number {
  return (devices[Math.floor(slot / SLOTS_PER_DEVICE)] as Device).port + (slot % SLOTS_PER_DEVICE);
}
