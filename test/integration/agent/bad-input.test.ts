import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { Agent } from '../../support/agent.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';
import { codeOf, startAgent } from './helpers.js';

const rig = await startRig({ slots: 2 });
await insertPiv(rig);
const { name: reader } = readerAt(rig);
const longest = 262_144;
const agent = new Agent('user');
afterAll(() => agent.kill());

describe('a line that is not a request', () => {
  it.each([
    ['nothing', ''],
    ['not JSON', 'hello'],
    ['half an object', '{"id":1'],
    ['two objects', '{"id":1,"command":"session"}{"id":2}'],
    ['an array', '[{"id":1,"command":"session"}]'],
    ['a number', '7'],
    ['a comment', '{"id":1,"command":"session"} // please'],
    ['a member twice', '{"id":1,"command":"session","command":"quit"}'],
    ['the id twice', '{"id":1,"id":2,"command":"session"}'],
    ['no id', '{"command":"session"}'],
    ['an id that is negative', '{"id":-1,"command":"session"}'],
    ['an id that is not a whole number', '{"id":1.5,"command":"session"}'],
    ['an id that is a string', '{"id":"1","command":"session"}'],
    ['an id that is too large', '{"id":9007199254740992,"command":"session"}'],
    ['an id that is far too large', '{"id":1e400,"command":"session"}'],
    ['a zero byte', '{"id":1,"command":"session"}\0'],
    ['a zero byte in a string', '{"id":1,"command":"sess\0ion"}'],
    ['half of a surrogate pair', '{"id":1,"command":"\\ud800"}'],
    ['deep nesting', `{"id":1,"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['very many members', `{"id":1,${Array.from({ length: 20_000 }, (_, i) => `"${i}":0`).join()}}`],
  ])('is reported as malformed: %s', async (_what, line) => {
    expect((await agent.asker.complaint(line))['code']).toBe('AGENT_E_MALFORMED');
  });

  it('is reported as malformed: not UTF-8', async () => {
    const line = Buffer.from('{"id":1,"command":"hold","reader":"caf\xe9"}', 'latin1');
    expect((await agent.asker.complaint(line))['code']).toBe('AGENT_E_MALFORMED');
  });

  it('is reported as malformed: longer than the limit, in one piece or in several', async () => {
    const line = `{"id":1,"command":"session","x":"${'x'.repeat(longest)}"}`;
    expect((await agent.asker.complaint(line))['message']).toContain('262144');
    for (let at = 0; at < 5_000_000; at += 100_000) await agent.asker.flush('y'.repeat(100_000));
    expect((await agent.asker.complaint(''))['code']).toBe('AGENT_E_MALFORMED');
    expect(await agent.ask('session')).toHaveProperty('id');
  });

  it('is not repeated in the error', async () => {
    const pin = '00200080083438323631350000';
    for (const line of [
      `{"id":1,"apdu":"${pin}`,
      `{"id":1,"apdu":"${pin}"}`,
      `${pin}`,
      `{"id":1,"apdu":${pin}x}`,
    ]) {
      agent.asker.write(`${line}\n`);
    }
    const before = agent.asker.lines.length;
    await agent.ask('session');
    expect(agent.asker.lines.length).toBeGreaterThan(before);
    expect(agent.asker.lines.join('\n')).not.toContain('343832');
  });

  it('may have the maximum length and Windows line ends, and may arrive in pieces', async () => {
    const start = '{"id":4,"command":"session"';
    const answer = agent.asker.answer(4);
    const line = `${start}${' '.repeat(longest - start.length - 2)}}\r\n`;
    for (let at = 0; at < line.length; at += 50_000) await agent.asker.flush(line.slice(at, at + 50_000));
    expect(await answer).toHaveProperty('id');
  });
});

describe('a request', () => {
  it.each([
    ['command is missing', '{"id":5}', 'AGENT_E_PARAMETER', 'command'],
    ['command is not a string', '{"id":5,"command":["hold"]}', 'AGENT_E_PARAMETER', 'command'],
    ['an unknown command', '{"id":5,"command":"holt"}', 'AGENT_E_UNKNOWN_COMMAND', ''],
    ['a command of another role', '{"id":5,"command":"acquire"}', 'AGENT_E_UNKNOWN_COMMAND', ''],
    ['an unknown member', '{"id":5,"command":"session","verbose":true}', 'AGENT_E_PARAMETER', 'verbose'],
    [
      'a misspelt option',
      '{"id":5,"command":"hold","reader":"x","timeuot":5}',
      'AGENT_E_PARAMETER',
      'timeuot',
    ],
    ['no reader', '{"id":5,"command":"hold"}', 'AGENT_E_PARAMETER', 'reader'],
    ['an empty reader', '{"id":5,"command":"hold","reader":""}', 'AGENT_E_PARAMETER', 'reader'],
    ['a reader with a zero', '{"id":5,"command":"hold","reader":"a\\u0000"}', 'AGENT_E_PARAMETER', 'reader'],
    ['a reader that is a number', '{"id":5,"command":"hold","reader":3}', 'AGENT_E_PARAMETER', 'reader'],
    [
      'a timeout that is a string',
      '{"id":5,"command":"hold","reader":"x","timeout":"1"}',
      'AGENT_E_PARAMETER',
      'timeout',
    ],
    [
      'a timeout that is negative',
      '{"id":5,"command":"hold","reader":"x","timeout":-1}',
      'AGENT_E_PARAMETER',
      'timeout',
    ],
    [
      'a timeout that is too long',
      '{"id":5,"command":"hold","reader":"x","timeout":2147483648}',
      'AGENT_E_PARAMETER',
      'timeout',
    ],
    [
      'a card that does not exist',
      '{"id":5,"command":"exchange","card":9,"apdu":"00a40400"}',
      'AGENT_E_PARAMETER',
      'card',
    ],
    ['a release of nothing', '{"id":5,"command":"release","card":0}', 'AGENT_E_PARAMETER', 'card'],
    [
      'an unknown disposition',
      '{"id":5,"command":"release","card":1,"disposition":"eject"}',
      'AGENT_E_PARAMETER',
      'disposition',
    ],
    ['a cancel of nothing', '{"id":5,"command":"cancel"}', 'AGENT_E_PARAMETER', 'request'],
  ])('is rejected: %s', async (_what, line, code, member) => {
    const error = await agent.asker.complaint(line, 5);
    expect(error['code']).toBe(code);
    expect(error['message']).toContain(member);
  });

  it.each(['', '00a4', '00a4040', '00a404zz', ' 00a40400', '00'.repeat(65_545)])(
    'is rejected: an APDU of other than 4 to 65,544 bytes in hexadecimal (%#)',
    async (apdu) => {
      const { card } = await agent.ask('hold', { reader });
      expect(await codeOf(agent.ask('exchange', { card, apdu }))).toBe('AGENT_E_PARAMETER');
      await agent.ask('release', { card });
    },
  );

  it('is answered normally after 10,000 lines of garbage', { timeout: 60_000 }, async () => {
    const [other, one] = [startAgent('broker'), startAgent('user')];
    for (const flooded of [other, one]) {
      const before = flooded.asker.strays.length;
      let lines = 0;
      for (let batch = 0; batch < 100; batch++) {
        const garbage = Array.from({ length: 100 }, () =>
          randomBytes(Math.floor(Math.random() * 200)).map((byte) => (byte === 10 ? 11 : byte)),
        );
        lines += garbage.length;
        await flooded.asker.flush(Buffer.concat(garbage.flatMap((line) => [line, Buffer.from('\n')])));
      }
      await flooded.asker.until(() => flooded.asker.strays.length >= before + lines);
      expect(await flooded.ask('session')).toHaveProperty('id');
    }
    expect(await one.ask('hold', { reader })).toHaveProperty('card');
  });

  it('is answered normally after lines that are nearly requests', async () => {
    const one = startAgent('user');
    const line = JSON.stringify({ id: 3, command: 'hold', reader, timeout: 20 });
    for (let times = 0; times < 2000; times++) {
      const bytes = Buffer.from(line);
      const at = Math.floor(Math.random() * bytes.length);
      bytes[at] = Math.floor(Math.random() * 255) + 1;
      await one.asker.flush(Buffer.concat([bytes, Buffer.from('\n')]));
    }
    // An id that none of those lines can have: some of them were good, with one digit changed.
    const { readers } = await one.ask('readers', {}, 1000);
    expect(readers.length).toBe(2);
    expect((await one.end()).code).toBe(0);
  });
});
