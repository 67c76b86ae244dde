/** A private npm registry (verdaccio) on loopback that has the packages of scripts/pack.mjs, and no way to another one. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { npmBinary } from './nodes.js';

export interface Registry extends AsyncDisposable {
  readonly url: string;
}

/** @param tarballs - A directory; each .tgz in it is published. */
export async function startRegistry(tarballs: string): Promise<Registry> {
  const program = npmBinary('verdaccio', 'verdaccio@~6.2', 'bin/verdaccio');
  const directory = mkdtempSync(join(tmpdir(), 'registry-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  // YAML takes JSON.
  const config = {
    storage: join(directory, 'storage'),
    packages: { '**': { access: '$all', publish: '$all' } },
    max_body_size: '50mb',
    log: { type: 'stdout', format: 'pretty', level: 'warn' },
  };
  const file = join(directory, 'config.yaml');
  writeFileSync(file, JSON.stringify(config));
  const server = spawn(process.execPath, [program, '--config', file, '--listen', `127.0.0.1:${port}`], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (data) => (output += data));
  const ended = once(server, 'close').then(() => {
    throw new Error(`verdaccio has ended:\n${output}`);
  });
  ended.catch(() => {}); // after the end of the tests
  await Promise.race([reachable(url), ended]);
  // npm publishes with a token only, whatever it is.
  const settings = join(directory, 'npmrc');
  writeFileSync(settings, `registry=${url}\n//127.0.0.1:${port}/:_authToken=none\n`);
  mkdirSync(join(directory, 'home'));
  for (const name of readdirSync(tarballs).filter((name) => name.endsWith('.tgz'))) {
    execFileSync('npm', ['publish', '--userconfig', settings, '--access', 'public', join(tarballs, name)], {
      cwd: directory,
      stdio: 'pipe',
    });
  }
  return {
    url,
    async [Symbol.asyncDispose]() {
      server.kill();
      await ended.catch(() => {});
      rmSync(directory, { recursive: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Resolves when the server answers. Until then its port is closed. */
async function reachable(url: string): Promise<void> {
  for (;;) {
    try {
      if ((await fetch(`${url}-/ping`)).ok) return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
