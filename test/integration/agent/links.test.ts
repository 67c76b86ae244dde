import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { theBroker } from '../../../src/tools/repro/agents/keys.js';
import { AgentProcess, Controller, runAgent } from '../../support/agent.js';

const directory = mkdtempSync(join(tmpdir(), 'pcsc-bridge-agent-'));
afterAll(() => rmSync(directory, { recursive: true }));
const secret = '5e'.repeat(32);
const keyFile = join(directory, 'alice.key');
writeFileSync(keyFile, `user:alice ${secret}\r\n`, { mode: 0o600 });

describe('an agent that connects', () => {
  it('proves its identity with its key, and works after the welcome', async () => {
    await using controller = await Controller.listen();
    await using agent = new AgentProcess(controller.invite('user'));
    const { asker, hello, socket } = await controller.accept();
    expect(hello).toMatchObject({ protocol: 1, role: 'user', name: 'alice', pid: agent.child.pid });
    expect(socket.getCipher().name).toBe('ECDHE-PSK-CHACHA20-POLY1305');
    expect(socket.getProtocol()).toBe('TLSv1.2');
    asker.write('{"welcome":{"protocol":1}}\n{"id":9,"command":"readers"}\n');
    await asker.answer(9).catch(() => {});
    expect(await asker.ask('session')).toEqual(hello['session']);
    expect(await asker.ask('quit')).toEqual({});
    expect(await agent.exited).toEqual({ code: 0, signal: null, stderr: '' });
  });

  it.each([
    ['reports why it was refused', '{"refused":"not you"}\n', /refused this agent: not you\n$/],
    ['reports another protocol version', '{"welcome":{"protocol":2}}\n', /another version of the protocol/],
    [
      'reports that the other side is no controller: not JSON',
      'HTTP/1.1 400 Bad Request\r\n',
      /no controller/,
    ],
    [
      'reports that the other side is no controller: a request',
      '{"id":1,"command":"session"}\n',
      /no controller/,
    ],
    [
      'reports that the other side is no controller: a line too long',
      `${'x'.repeat(300_000)}\n`,
      /no controller/,
    ],
  ])('%s, and ends', async (_what, line, words) => {
    await using controller = await Controller.listen();
    await using agent = new AgentProcess(controller.invite('user'));
    const { asker } = await controller.accept();
    asker.write(line);
    const { code, stderr } = await agent.exited;
    expect(code).toBe(1);
    expect(stderr).toMatch(words);
    expect(stderr).not.toContain('trying again');
    expect(asker.lines.length).toBe(1);
  });

  it.each([
    ['the link is closed without a welcome', '', /closed the connection without a welcome; trying again\n$/],
    [
      'it is refused for now',
      '{"refused":"alice is here","passing":true}\n',
      /alice is here; trying again\n$/,
    ],
  ])('retries if %s', async (_what, answer, words) => {
    await using controller = await Controller.listen();
    await using agent = new AgentProcess(controller.invite('user'));
    for (let times = 0; times < 2; times++) {
      const { asker } = await controller.accept();
      asker.write(answer);
      asker.end();
    }
    const { asker } = await controller.accept();
    asker.write('{"welcome":{"protocol":1}}\n');
    expect(await asker.ask('quit')).toEqual({});
    expect(await agent.exited).toMatchObject({ code: 0, stderr: expect.stringMatching(words) });
  });

  it('connects to a controller that starts later', async () => {
    const early = await Controller.listen();
    const words = early.invite('broker');
    const keys = readFileSync(early.keys.fileOf(theBroker));
    await early[Symbol.asyncDispose]();
    writeFileSync(join(directory, 'broker.key'), keys, { mode: 0o600 });
    await using agent = new AgentProcess([...words.slice(0, -1), join(directory, 'broker.key')]);
    await once(agent.child.stderr, 'data');
    const server = createServer().listen(Number(early.address.split(':')[1]), '127.0.0.1');
    const [socket] = await once(server, 'connection');
    const [first] = await once(socket, 'data');
    expect(first[0]).toBe(22); // TLS: a handshake record
    socket.destroy();
    server.close();
  });

  it('stops trying when its time is over', async () => {
    const words = ['user', '--connect', `127.0.0.1:${await portOfNobody()}`, '--key-file', keyFile];
    const start = performance.now();
    const end = await runAgent([...words, '--wait', '2']);
    expect(end).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^pcsc-bridge-agent: cannot connect to 127.0.0.1 port \d+: [^;]+; trying again\npcsc-bridge-agent: cannot connect .*\n$/,
      ),
    });
    expect(performance.now() - start).toBeGreaterThan(500);
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it('disconnects from a controller that sends nothing', async () => {
    await using controller = await Controller.listen();
    await using agent = new AgentProcess([...controller.invite('user'), '--wait', '2']);
    await controller.accept();
    expect(await agent.exited).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/connected, but no welcome within 2 s/),
    });
  });
});

describe('a listener without the key', () => {
  it('receives a ClientHello and an alert, and cannot control the agent', async () => {
    let heard = Buffer.alloc(0);
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (data) => {
        heard = Buffer.concat([heard, data]);
      });
      socket.write('{"welcome":{"protocol":1}}\n{"id":1,"command":"readers"}\n');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const end = await runAgent(['user', '--connect', `127.0.0.1:${port}`, '--key-file', keyFile]);
    expect(end).toMatchObject({ code: 1, stderr: expect.stringMatching(/the other side is no controller/) });
    await vi.waitFor(() => expect(heard.length).toBeGreaterThan(0));
    const [type, , , , , message] = heard;
    expect({ type, message }).toEqual({ type: 22, message: 1 });
    for (const secretOrHello of ['alice', 'hello', secret, Buffer.from(secret, 'hex')]) {
      expect(heard.includes(secretOrHello)).toBe(false);
    }
    server.close();
  });

  const psk = Buffer.alloc(32, 0xab);
  const impostors: [string, TlsOptions, RegExp][] = [
    ['has another key', { maxVersion: 'TLSv1.2' }, /has another key for "user:alice": check the address/],
    [
      'has a key with the same beginning',
      { pskCallback: () => Buffer.from(secret.slice(2), 'hex') },
      /has another key/,
    ],
    ['speaks TLS 1.3', { minVersion: 'TLSv1.3', ciphers: '' }, /does not speak TLS 1.2 with a shared key/],
    ['accepts another cipher', { ciphers: 'ECDHE-PSK-AES128-CBC-SHA256' }, /does not speak TLS 1.2 with/],
    ['requires no forward secrecy', { ciphers: 'PSK-CHACHA20-POLY1305' }, /does not speak TLS 1.2 with/],
    ['knows no such user', { pskCallback: () => null }, /has no key for "user:alice": check/],
  ];
  it.each(impostors)('that %s is rejected, and receives no hello', async (_what, options, words) => {
    const server = createTlsServer({
      ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
      maxVersion: options.minVersion ?? 'TLSv1.2',
      pskCallback: () => psk,
      ...options,
    });
    let met = false;
    server.on('secureConnection', () => {
      met = true;
    });
    server.on('tlsClientError', () => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const end = await runAgent(['user', '--connect', `127.0.0.1:${port}`, '--key-file', keyFile]);
    expect(end).toMatchObject({ code: 1, stderr: expect.stringMatching(words) });
    expect(end.stderr).not.toContain('trying again');
    expect(met).toBe(false);
    server.close();
  });
});

async function portOfNobody(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}

describe('a key file', () => {
  const file = (text: string, mode = 0o600) => {
    const path = join(directory, `${Math.random()}.key`);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };
  const files: [string, string, RegExp][] = [
    ['does not exist', join(directory, 'none'), /cannot be read: No such file/],
    ['is empty', file(''), /does not hold a key/],
    ['holds a key that is too short', file(`user:alice ${'5e'.repeat(31)}`), /does not hold a key/],
    ['holds a key that is too long', file(`user:alice ${'5e'.repeat(33)}`), /does not hold a key/],
    ['holds no identity', file(secret), /does not hold a key/],
    ['holds an identity without a name', file(`user: ${secret}`), /does not hold a key/],
    ['holds a second line', file(`user:alice ${secret}\nuser:bob ${secret}`), /does not hold a key/],
    ['is of another role', file(`broker ${secret}`), /is for "broker": it does not open the role user/],
    [
      'can be read by its group',
      file(`user:alice ${secret}`, 0o640),
      /can be read by other users: .*chmod 600/,
    ],
    ['can be read by all users', file(`user:alice ${secret}`, 0o604), /can be read by other users/],
  ];
  it.each(files)(
    'that %s is rejected without its content in the error, and nothing is connected',
    async (_what, path, words) => {
      const server = createServer(() => expect.fail('connected')).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as { port: number };
      const end = await runAgent(['user', '--connect', `127.0.0.1:${port}`, '--key-file', path]);
      server.close();
      expect(end).toMatchObject({ code: 1, stderr: expect.stringMatching(words) });
      expect(end.stderr).not.toContain('5e5e');
    },
  );
});

describe('the command line', () => {
  it.each([
    [[]],
    [['boss']],
    [['user', '--connect']],
    [['user', '--connect', '']],
    [['user', '--connect', 'localhost']],
    [['user', '--connect', ':80']],
    [['user', '--connect', 'localhost:0']],
    [['user', '--connect', 'localhost:65536']],
    [['user', '--connect', 'localhost:http']],
    [['user', '--connect', '::1:80']],
    [['user', '--connect', '127.0.0.1:9']],
    [['user', '--key-file', keyFile]],
    [['user', '--wait', '5']],
    [['user', '--connect', '127.0.0.1:9', '--key-file', keyFile, '--wait', '0']],
    [['user', '--connect', '127.0.0.1:9', '--key-file', keyFile, '--wait', '86401']],
    [['user', '--key', secret]],
    [['user', '--name', 'alice']],
    [['user', 'extra']],
    [['session', '--verbose']],
  ])('%j is wrong usage: status 2, and the usage is printed', async (args) => {
    const end = await runAgent(args);
    expect(end.code).toBe(2);
    expect(end.stderr).toMatch(/usage: pcsc-bridge-agent/);
    expect(end.stderr).not.toContain(secret);
    expect(end.stdout).toBe('');
  });

  it('session prints its session, as text and as JSON', async () => {
    const people = await runAgent(['session']);
    expect(people).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^session \d+, connected .*user/),
    });
    const program = await runAgent(['session', '--json']);
    const session = JSON.parse(program.stdout);
    expect(session).toEqual({
      id: expect.any(Number),
      connectTime: expect.stringMatching(/^\d+$/),
      user: expect.any(String),
      source: expect.any(String),
    });
    expect(people.stdout).toContain(`session ${session.id},`);
  });

  it('--version and --help print the version and the usage', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
    expect((await runAgent(['--version'])).stdout).toBe(`${version}\n`);
    expect(await runAgent(['--help'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^usage:/) });
  });
});
