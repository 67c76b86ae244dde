/** Free TCP ports for vpcd, which uses two neighbouring ports per device. */
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { RigError } from './error.js';
import { SLOTS_PER_DEVICE } from './reader-config.js';

const LOWEST = 10_000;
const TRIES_PER_DEVICE = 200;

/**
 * Returns the first port of each of `devices` pairs that are free now.
 *
 * They lie below the kernel's range for outgoing connections. A port of that range could become the local port of any
 * connection while the daemon restarts, and a card that reconnects to it could connect to itself. Another program may
 * still take a port before pcscd does: the rig then tries other ports.
 */
export async function freePortPairs(devices: number, signal?: AbortSignal): Promise<number[]> {
  const end = await firstEphemeralPort();
  const pairs = new Set<number>();
  for (let tries = 0; pairs.size < devices; tries++) {
    signal?.throwIfAborted();
    if (tries > devices * TRIES_PER_DEVICE) {
      throw new RigError('RIG_START_FAILED', `No free pair of TCP ports between ${LOWEST} and ${end}.`);
    }
    const port = LOWEST + SLOTS_PER_DEVICE * randomInt(Math.floor((end - LOWEST) / SLOTS_PER_DEVICE));
    if (!pairs.has(port) && (await isFree(port)) && (await isFree(port + 1))) {
      pairs.add(port);
    }
  }
  return [...pairs];
}

async function firstEphemeralPort(): Promise<number> {
  const text = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').catch(() => '');
  const first = Number.parseInt(text, 10);
  return first >= LOWEST + 1000 ? first : 32_768;
}

/** Whether the port is free on every address: vpcd listens on all of them. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '0.0.0.0', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
