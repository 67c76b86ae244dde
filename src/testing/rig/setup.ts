/** The files of a rig's daemon, and the environments of daemon and clients. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { delimiter } from 'node:path';
import type { RigDirectory } from './directory.js';
import type { Launch, Place } from './isolation.js';
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
  /** One per device of two slots. */
  names: string[];
  slots: number;
}

/** Makes the directories below the rig's own, and each device's copy of the driver. */
export async function layOut({ parts, directory, place, names }: Setup): Promise<void> {
  await mkdir(place.ipc, { recursive: true, mode: 0o755 });
  await mkdir(place.empty);
  await mkdir(configuration(directory));
  await Promise.all(names.map((_, index) => copyFile(parts.driver, driverCopy(directory, index))));
}

/** Finds ports and configures pcscd's readers. */
export async function configureReaders(setup: Setup, signal: AbortSignal): Promise<Device[]> {
  const { directory, names } = setup;
  const ports = await freePortPairs(names.length, signal);
  const devices = names.map((friendlyName, index) => ({
    friendlyName,
    driver: driverCopy(directory, index),
    port: ports[index] as number,
  }));
  // One file: pcscd takes several in no particular order.
  await writeFile(`${configuration(directory)}/virtual`, readerConfig(devices));
  return devices;
}

/** Writes what the supervisor starts, and what it must clean up besides. */
export async function writeDaemonScript(setup: Setup, launch: Launch): Promise<void> {
  const { path } = setup.directory;
  const words = [...launch.command, ...pcscdCommand(setup)].map(
    (word) => `'${word.replaceAll("'", "'\\''")}'`,
  );
  await writeFile(`${path}/leftover`, launch.leftover);
  await writeFile(`${path}/daemon`, `exec ${words.join(' ')}\n`);
}

function configuration({ path }: RigDirectory): string {
  return `${path}/readers`;
}

function driverCopy({ drivers }: RigDirectory, index: number): string {
  return `${drivers}/libifdvpcd-${index}.so`;
}

function pcscdCommand({ parts, features, directory }: Setup): string[] {
  return [
    ...parts.loader,
    parts.pcscd,
    '--foreground',
    '--config',
    configuration(directory),
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
