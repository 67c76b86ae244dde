/** A NATS server with the configuration of examples/remote-cards, which all addresses of this host reach. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from './documentation.js';

export type NatsUser = 'admin' | 'host-a' | 'host-b' | 'alice' | 'bob';
const users: NatsUser[] = ['admin', 'host-a', 'host-b', 'alice', 'bob'];

/** The path of nats-server, or the reason why there is none. */
export function findNatsServer(): { program: string } | { reason: string } {
  const { status, stdout, stderr } = spawnSync(join(root, 'scripts/nats-server'), { encoding: 'utf8' });
  if (status === 0) return { program: stdout.trim() };
  return { reason: stderr.trim().split('\n').at(-1) ?? 'nats-server cannot be had' };
}

export class NatsServer implements AsyncDisposable {
  #process;

  private constructor(
    process: ReturnType<typeof spawn>,
    readonly directory: string,
    readonly port: number,
  ) {
    this.#process = process;
  }

  static async start(program: string): Promise<NatsServer> {
    const directory = mkdtempSync(join(tmpdir(), 'nats-'));
    const cert = join(directory, 'cert.pem');
    const key = join(directory, 'key.pem');
    // The client of NATS verifies an address as this name.
    const names = 'subjectAltName=DNS:localhost';
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const of = ['-subj', '/CN=nats', '-addext', names];
    execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...of], {
      stdio: 'pipe',
    });
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      NATS_HOST: '0.0.0.0',
      NATS_PORT: '-1',
      NATS_CERT: cert,
      NATS_KEY: key,
      NATS_STORE: join(directory, 'store'),
    };
    for (const user of users) {
      // Not hexadecimal alone: the parser takes digits for a number.
      const password = `p${randomBytes(16).toString('hex')}`;
      env[user.toUpperCase().replace('-', '_')] = password;
      writeFileSync(join(directory, `${user}.txt`), password, { mode: 0o600 });
    }
    mkdirSync(join(directory, 'store'));
    const config = join(root, 'examples/remote-cards/nats.conf');
    const server = spawn(program, ['--config', config], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const lines: string[] = [];
    for await (const line of createInterface({ input: server.stderr })) {
      lines.push(line);
      const port = /Listening for client connections on .*:(\d+)$/.exec(line)?.[1];
      if (port === undefined) continue;
      server.stderr.resume();
      return new NatsServer(server, directory, Number(port));
    }
    throw new Error(`nats-server has ended:\n${lines.join('\n')}`);
  }

  /** The environment of a program that connects from where this host has the address. */
  env(user: NatsUser, address: string): Record<string, string> {
    return {
      NATS_URL: `tls://${address}:${this.port}`,
      NATS_CA: join(this.directory, 'cert.pem'),
      NATS_USER: user,
      NATS_PASSWORD_FILE: join(this.directory, `${user}.txt`),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill();
    await once(this.#process, 'close');
    rmSync(this.directory, { recursive: true });
  }
}
