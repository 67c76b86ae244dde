import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { runCli } from '../../support/run-cli.js';
import { findingOf, parseReport } from './report-schema.js';

const directory = mkdtempSync(join(tmpdir(), 'pcsc-bridge-doctor-'));
const socket = join(directory, 'pcscd.comm');
const doctor = (env: NodeJS.ProcessEnv = {}) =>
  runCli(['doctor', '--json'], { PCSCLITE_CSOCK_NAME: socket, ...env });
afterAll(() => rmSync(directory, { recursive: true }));

let server: Server | undefined;
const clients = new Set<Socket>();
afterEach(async () => {
  for (const client of clients) client.destroy();
  clients.clear();
  await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
  server = undefined;
});

/** A program that listens at the socket of pcscd. */
async function listenAs(serve: (client: Socket) => void): Promise<void> {
  server = createServer((client) => {
    clients.add(client.on('error', () => {}));
    serve(client);
  });
  await new Promise<void>((resolve) => server?.listen(socket, resolve));
}

describe('if the smart card service does not work, the doctor', () => {
  it('says that pcscd does not run, and how to start it', async () => {
    const { code, stdout, stderr } = await doctor();
    const report = parseReport(stdout);
    expect(report.verdict).toBe('not-affected');
    expect(report.rule).toBe('linux');
    expect(findingOf(report, 'pcsc-service')).toMatchObject({ value: 'SCARD_E_NO_SERVICE', attention: true });
    expect(findingOf(report, 'pcscd-protocol')).toMatchObject({
      value: null,
      note: expect.stringContaining('pcscd does not run'),
    });
    expect(findingOf(report, 'readers').value).toBeNull();
    expect(report.nextSteps).toEqual([expect.stringContaining('start pcscd')]);
    expect(stderr).toBe('');
    expect(code).toBe(1);
  });

  it('says that the path of the socket is too long', async () => {
    const { stdout } = await doctor({ PCSCLITE_CSOCK_NAME: join(directory, 'x'.repeat(120)) });
    const report = parseReport(stdout);
    expect(findingOf(report, 'pcscd-protocol')).toMatchObject({
      value: null,
      note: expect.stringMatching(/has \d+ bytes, and 1 to 107 are possible; set PCSCLITE_CSOCK_NAME/),
    });
    expect(report.nextSteps).toEqual([expect.stringContaining('set PCSCLITE_CSOCK_NAME to another path')]);
  });

  it('says that the program at the socket is not pcscd', async () => {
    await listenAs((client) => client.on('data', () => client.write('HTTP/1.1 400 Bad Request\r\n\r\n')));
    const { stdout } = await doctor();
    const report = parseReport(stdout);
    const sentence = expect.stringContaining('is not pcscd; check PCSCLITE_CSOCK_NAME');
    expect(findingOf(report, 'pcscd-protocol')).toMatchObject({ value: null, note: sentence });
    expect(report.nextSteps).toEqual([sentence]);
  });

  it('names the missing library', async () => {
    const path = join(directory, 'libpcsclite.so.1');
    const { code, stdout } = await doctor({ PCSC_BRIDGE_LIBRARY: path });
    const report = parseReport(stdout);
    expect(findingOf(report, 'pcsc-library')).toMatchObject({
      value: null,
      note: expect.stringContaining(path),
    });
    expect(findingOf(report, 'pcsc-library').note).toContain('correct PCSC_BRIDGE_LIBRARY, or unset it');
    expect(findingOf(report, 'pcsc-service').value).toBe('BRIDGE_E_LIBRARY_MISSING');
    expect(code).toBe(1);
  });

  it('distinguishes a daemon of another protocol from one that does not run', async () => {
    await listenAs((client) => {
      client.on('data', () => {
        const answer = Buffer.alloc(12);
        answer.writeInt32LE(4, 0);
        answer.writeInt32LE(9, 4);
        answer.writeUInt32LE(0x8010001e, 8);
        client.write(answer);
      });
    });
    const { code, stdout } = await doctor();
    const report = parseReport(stdout);
    expect(findingOf(report, 'pcscd-protocol').value).toBe('4:9');
    expect(findingOf(report, 'pcsc-service')).toMatchObject({
      value: 'SCARD_E_SERVICE_STOPPED',
      note: expect.stringContaining('pcscd speaks protocol 4:9'),
    });
    expect(code).toBe(1);
  });

  it('ends even if a program accepts and never responds', async () => {
    await listenAs(() => {});
    const { code, stdout } = await doctor();
    const report = parseReport(stdout);
    expect(findingOf(report, 'pcsc-service')).toMatchObject({
      value: 'SCARD_E_TIMEOUT',
      note: expect.stringContaining('does not answer; restart it'),
    });
    expect(findingOf(report, 'pcsc-backend').note).toContain('does not answer');
    expect(findingOf(report, 'pcscd-protocol').note).toContain('does not answer');
    expect(code).toBe(1);
  });
});

it('the doctor shows the environment variable of the filter, set or not', async () => {
  const name = 'FilterCSPCardCacheByTSSessionConnectTime';
  const shown = async (value: string | undefined) => {
    const { stdout } = await doctor({ [name]: value });
    return findingOf(parseReport(stdout), 'filter-system');
  };
  expect(await shown(undefined)).toMatchObject({ value: 'not set', note: expect.stringContaining(name) });
  expect(await shown('1')).toMatchObject({ value: 'on' });
  expect(await shown('2')).toMatchObject({ value: 'off' });
});
