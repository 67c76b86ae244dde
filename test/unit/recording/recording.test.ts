import { describe, expect, test } from 'vitest';
import { CommandApdu, fromHex, ResponseApdu, toHex } from '../../../src/apdu/index.js';
import {
  CardRecorder,
  type CardRecording,
  type RecordableCard,
  ReplayedCard,
} from '../../../src/testing/recording/index.js';

const select = fromHex('00A4040005A000000308');
const verify = fromHex('0020008008313233343536FFFF');

/** A card that knows three commands, and fails at every other one. */
const card: RecordableCard = {
  async transmit(apdu) {
    const known: Record<string, string> = {
      [toHex(select)]: '61 02 90 00',
      [toHex(verify)]: '90 00',
      '00CA0000FF': 'AA BB 90 00',
    };
    const response = known[toHex(apdu)];
    if (response === undefined) throw new Error('no card');
    return fromHex(response);
  },
  async exchange(command) {
    return ResponseApdu.parse(
      await this.transmit(command instanceof CommandApdu ? command.encode() : command),
    );
  },
};

/** Reads the card as a program would, by all ways. */
async function read(from: RecordableCard): Promise<string> {
  await from.transmit(select);
  await from.exchange(verify);
  const { data } = await from.exchange(new CommandApdu({ cla: 0, ins: 0xca, p1: 0, p2: 0, ne: 255 }));
  return toHex(data);
}

async function record(): Promise<CardRecording> {
  const recorder = new CardRecorder(card, fromHex('3B8001'));
  expect(await read(recorder)).toBe('AABB');
  return recorder.recording;
}

test('a recording has every command with its response, and no PIN', async () => {
  expect(await record()).toEqual({
    schema: 1,
    atr: '3B 80 01',
    exchanges: [
      { command: '00 A4 04 00 05 A0 00 00 03 08', response: '61 02 90 00' },
      { command: '00 20 00 80 08 ** ** ** ** ** ** ** **', response: '90 00' },
      { command: '00 CA 00 00 FF', response: 'AA BB 90 00' },
    ],
  });
});

test('a command that fails without a response is not recorded', async () => {
  const recorder = new CardRecorder(card);
  await expect(recorder.transmit(fromHex('00010000'))).rejects.toThrow('no card');
  expect(recorder.recording).toEqual({ schema: 1, exchanges: [] });
});

test('a replayed card gives the same responses, also after JSON, and takes any PIN', async () => {
  const replayed = new ReplayedCard(JSON.parse(JSON.stringify(await record())));
  expect(replayed.atr).toEqual(fromHex('3B8001'));
  await replayed.transmit(select);
  expect((await replayed.exchange(fromHex('0020008008393939393939FFFF'))).sw).toBe(0x9000);
  expect(() => replayed.checkFinished()).toThrow(
    expect.objectContaining({ name: 'ReplayError', code: 'REPLAY_UNFINISHED', index: 2 }),
  );
  expect(toHex((await replayed.exchange(fromHex('00CA0000FF'))).data)).toBe('AABB');
  replayed.checkFinished();
});

describe('a replayed card rejects', () => {
  test('another command than the recorded one, without its PIN in the message', async () => {
    const replayed = new ReplayedCard(await record());
    const error = await replayed.transmit(verify).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'REPLAY_MISMATCH',
      index: 0,
      message:
        'Command 0 of the recording is 00 A4 04 00 05 A0 00 00 03 08, but 00 20 00 80 08 ** ** ** ** ** ** ** ** came',
    });
    // The recording goes on where it was.
    expect(toHex(await replayed.transmit(select))).toBe('61029000');
  });

  test('a PIN of another length', async () => {
    const replayed = new ReplayedCard(await record());
    await replayed.transmit(select);
    await expect(replayed.transmit(fromHex('00200080043132333'.concat('4')))).rejects.toMatchObject({
      code: 'REPLAY_MISMATCH',
      index: 1,
    });
  });

  test('a command after the end', async () => {
    const replayed = new ReplayedCard(await record());
    await read(replayed);
    await expect(replayed.transmit(select)).rejects.toMatchObject({ code: 'REPLAY_ENDED', index: 3 });
  });
});

test.each([
  ['null', null],
  ['another schema', { schema: 2, exchanges: [] }],
  ['no exchanges', { schema: 1 }],
  ['a command that is not hexadecimal', { schema: 1, exchanges: [{ command: '0X', response: '9000' }] }],
  ['an empty command', { schema: 1, exchanges: [{ command: '', response: '9000' }] }],
  ['a response without a status word', { schema: 1, exchanges: [{ command: '00A4', response: '90' }] }],
  ['a masked response', { schema: 1, exchanges: [{ command: '00A4', response: '** **' }] }],
])('%s is not a recording', (_, given) => {
  expect(() => new ReplayedCard(given as CardRecording)).toThrow(TypeError);
});
