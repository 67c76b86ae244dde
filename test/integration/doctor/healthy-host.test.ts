import { expect, test } from 'vitest';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';
import { runCli } from '../../support/run-cli.js';
import { findingOf, parseReport } from './report-schema.js';

const rig = await startRig({ slots: 2 });
await insertPiv(rig, 0);
const { name: reader } = readerAt(rig, 0);
const doctor = async () => {
  const { code, stdout, stderr } = await runCli(['doctor', '--json'], rig.env);
  expect(stderr).toBe('');
  return { code, report: parseReport(stdout) };
};

test('with a daemon and readers the doctor has no next step, and names every component', async () => {
  const bridge = openBridge();
  await using session = await bridge.openSession();
  for await (const event of session.watch()) {
    if (event.type === 'card-inserted' && event.reader === reader) break;
  }
  const { code, report } = await doctor();
  expect(report).toMatchObject({ verdict: 'not-affected', rule: 'linux', nextSteps: [] });
  expect(findingOf(report, 'pcsc-service').value).toBe('serves');
  expect(findingOf(report, 'pcscd-protocol').value).toMatch(/^4:\d+$/);
  expect(findingOf(report, 'pcscd-socket').value).toBe(rig.socket);
  expect(findingOf(report, 'pcsc-backend')).toMatchObject({ value: 'daemon', note: /talks to pcscd at/ });
  expect(findingOf(report, 'pcsc-library-file').value).toMatch(/libpcsclite\.so/);
  expect(findingOf(report, 'readers').value).toBe('2');
  expect(findingOf(report, 'reader-1')).toMatchObject({ value: reader, note: 'a card is in it' });
  expect(findingOf(report, 'reader-2').note).toBe('no card');
  expect(findingOf(report, 'reader-2-driver')).toMatchObject({
    value: null,
    note: /does not report its name or version/,
  });
  expect(Number(findingOf(report, 'session-id').value)).toBeGreaterThan(0);
  expect(findingOf(report, 'session-source').value).toMatch(/^(logind|proc)$/);
  expect(code).toBe(0);
});

test('a card in another process’s transaction is left alone and does not block the doctor', async () => {
  const bridge = openBridge();
  await using session = await bridge.openSession();
  await session.transaction(reader, async (tx) => {
    // It ends while the transaction is held: a doctor that waited for the card would never come back.
    const { code, report } = await doctor();
    expect(findingOf(report, 'reader-1').note).toContain('in use');
    expect(findingOf(report, 'reader-1-driver').note).toContain('another program uses the reader');
    expect(code).toBe(0);
    expect(tx.cardWasReset).toBe(false);
  });
});

test('the text report says the same', async () => {
  const { code, stdout } = await runCli(['doctor'], rig.env);
  expect(stdout).toMatch(/^Not affected by KB949538\n/);
  expect(stdout).toContain('Next step\n  Nothing to do.\n');
  expect(stdout).toContain(reader);
  expect(code).toBe(0);
});
