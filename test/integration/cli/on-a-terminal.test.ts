/** Commands that prompt on a terminal, or react to its keys. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { killHolder } from '../../support/holder.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';
import { hasTerminals, Terminal } from '../../support/terminal.js';

const main = fileURLToPath(new URL('../../../dist/tools/cli/main.js', import.meta.url));
const command = `${process.execPath} ${main}`;
const rig = await startRig({ slots: 2 });
const pin = '314159';
const piv = await insertPiv(rig, 0, { pin });
const { name } = readerAt(rig);
const session = await openBridge().openSession();

describe.skipIf(!hasTerminals)('on a terminal (needs "script" of util-linux)', () => {
  test.each(['verify', 'logon', 'sign --out /dev/null /dev/null'])(
    'piv %s prompts for the PIN while other programs can use the card',
    async (words) => {
      const terminal = new Terminal(`${command} piv ${words} --reader '${name}'`, { PCSC_BRIDGE_PIN: '' });
      await terminal.sees(/PIN: /);
      // Another process: a transaction of this one would wait for the command's.
      const holder = await CardHold.start(name);
      await killHolder(holder);
      await session.transaction(name, () => {}, { timeout: 5000 });
      terminal.type(`${pin}\r`);
      expect(await terminal.ended).toBe(0);
      expect(terminal.screen).not.toContain(pin);
      expect(piv.piv.pin.verified).toBe(false);
    },
  );

  test('Ctrl-C at the prompt for the PIN ends the command with status 130', async () => {
    const terminal = new Terminal(`${command} piv verify --reader '${name}'`, { PCSC_BRIDGE_PIN: '' });
    await terminal.sees(/PIN: /);
    terminal.type('\x03');
    expect(await terminal.ended).toBe(130);
    expect(terminal.screen).toContain('interrupted');
  });

  test('card ends, and restores the terminal, when its reader is removed', async () => {
    const terminal = new Terminal(`${command} card --port ${readerAt(rig, 1).port} --quiet`);
    await terminal.sees(/q {2}the end/);
    await rig.killDaemon();
    expect(await terminal.ended).toBe(1);
    expect(terminal.screen).toContain('the reader has gone');
    await rig.restartDaemon();
  });

  test('rig leaves Ctrl-C to its command, which may take its time', async () => {
    const program = `process.on('SIGINT', () => setTimeout(() => process.exit(5), 300));
      process.on('SIGTERM', () => process.exit(99));
      console.log('up');
      setInterval(() => {}, 1000);`;
    const terminal = new Terminal(`${command} rig --readers 1 -- ${process.execPath} -e "$PROGRAM"`, {
      PROGRAM: program,
    });
    await terminal.sees(/up\r?\n/);
    terminal.type('\x03');
    expect(await terminal.ended).toBe(5);
  });
});
