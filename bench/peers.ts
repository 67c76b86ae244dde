/** The other libraries: where they are, and how to get them. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Client } from './client.js';
import type { Setup } from './setup.js';

const run = promisify(execFile);

const directory = fileURLToPath(new URL('../peers/', import.meta.url));
const nodePeers = ['pcsclite', 'pokusew-pcsclite', 'nfc-pcsc', 'smartcard', 'pcsc-mini'];

/** Debian's interpreter is the one that sees Debian's pyscard. */
const python = '/usr/bin/python3';

export interface Peer {
  name: string;
  start(setup: Setup): Client;
}

export const peers: readonly Peer[] = [
  ...nodePeers.map((name) => ({
    name,
    start: (setup: Setup) => {
      const program = fileURLToPath(new URL('clients/peer.js', import.meta.url));
      return setup.start(name, process.execPath, [program, `${directory}${name}.mjs`, ...setup.readers]);
    },
  })),
  {
    name: 'pyscard',
    start: (setup: Setup) => setup.start('pyscard', python, [`${directory}pyscard.py`, ...setup.readers]),
  },
];

/** Installs what is not there. What cannot be had fails later, each by itself. */
export async function installPeers(report: (text: string) => void): Promise<void> {
  const missing: string[] = [];
  const needs = (path: string, name: string) => !existsSync(path) && missing.push(name);
  needs('/usr/include/PCSC/winscard.h', 'libpcsclite-dev');
  needs('/usr/lib/python3/dist-packages/smartcard', 'python3-pyscard');
  if (missing.length > 0 && process.getuid?.() === 0) {
    report(`installing ${missing.join(' ')}`);
    await run('apt-get', ['install', '-y', '--no-install-recommends', ...missing]).catch(
      ({ message }: Error) => report(`apt-get: ${message}`),
    );
  }
  if (!existsSync(`${directory}node_modules`)) {
    report('installing the other libraries into bench/peers');
    await run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock'], { cwd: directory }).catch(
      ({ message }: Error) => report(`npm install: ${message}`),
    );
  }
}
