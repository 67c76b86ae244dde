import { describe, expect, test } from 'vitest';
import { PcscError } from '../../../src/errors.js';
import { ReaderStateBits as Bits } from '../../../src/native/numbers.js';
import { EventCursor, eventsBetween } from '../../../src/readers/events.js';

const atr = Uint8Array.of(0x3b, 0x00);
const otherAtr = Uint8Array.of(0x3b, 0x01);
const empty = { reader: 'R', state: Bits.empty, eventCount: 0, atr: new Uint8Array() };
const present = { reader: 'R', state: Bits.present, eventCount: 1, atr };

/** The events as text: type, reader and, for cards, the ATR. */
function words(...pictures: Parameters<typeof eventsBetween>): string[] {
  return eventsBetween(...pictures).map((event) => {
    const card = 'atr' in event ? ` ${Buffer.from(event.atr).toString('hex')}` : '';
    return `${event.type} ${'reader' in event ? event.reader : ''}${card}`;
  });
}

test('without a change there are no events', () => {
  expect(words([], [])).toEqual([]);
  expect(words([present], [present])).toEqual([]);
});

describe('readers', () => {
  test('are added, with the cards in them', () => {
    expect(words([], [empty])).toEqual(['reader-added R']);
    expect(words([], [present])).toEqual(['reader-added R', 'card-inserted R 3b00']);
  });

  test('are removed, after their cards', () => {
    expect(words([empty], [])).toEqual(['reader-removed R']);
    expect(words([present], [])).toEqual(['card-removed R 3b00', 'reader-removed R']);
  });

  test('are removed before others are added', () => {
    expect(words([present], [{ ...empty, reader: 'S' }])).toEqual([
      'card-removed R 3b00',
      'reader-removed R',
      'reader-added S',
    ]);
  });

  test('that were removed are unavailable', () => {
    expect(eventsBetween([empty], [])).toMatchObject([{ state: { unavailable: true, present: false } }]);
  });

  test('change in other ways', () => {
    const used = { ...present, state: Bits.present | Bits.inUse | Bits.exclusive };
    expect(eventsBetween([present], [used])).toMatchObject([
      { type: 'reader-changed', reader: 'R', state: { present: true, inUse: true, exclusive: true } },
    ]);
    const mute = { ...present, state: Bits.present | Bits.mute };
    expect(eventsBetween([present], [mute])).toMatchObject([
      { type: 'reader-changed', state: { mute: true } },
    ]);
  });
});

describe('cards', () => {
  test('are inserted and removed', () => {
    expect(words([empty], [present])).toEqual(['card-inserted R 3b00']);
    expect(words([present], [{ ...empty, eventCount: 2 }])).toEqual(['card-removed R 3b00']);
  });

  test('are exchanged between two polls', () => {
    expect(words([present], [{ ...present, eventCount: 3, atr: otherAtr }])).toEqual([
      'card-removed R 3b00',
      'card-inserted R 3b01',
    ]);
  });

  test('that were inserted and removed between two polls cause no event', () => {
    expect(words([empty], [{ ...empty, eventCount: 2 }])).toEqual([]);
  });
});

test('a slow reader of events misses no exchange of a card, and receives only the net changes', () => {
  const seen = (eventCount: number, state = 0x20) => ({
    picture: [{ reader: 'A', state, eventCount, atr: Uint8Array.from([0x3b, eventCount]) }],
    error: undefined,
  });
  const onlooker = new EventCursor();
  const types = (view: Parameters<EventCursor['catchUp']>[0]) =>
    onlooker.catchUp(view).map(({ type }) => type);
  expect(types(seen(1))).toEqual(['reader-added', 'card-inserted']);
  expect(types(seen(1))).toEqual([]);
  expect(types(seen(2001))).toEqual(['card-removed', 'card-inserted']);
  expect(types(seen(2002, 0x10))).toEqual(['card-removed']);
});

test('a stopped service is reported once, and once more when it is back', () => {
  const error = new PcscError({
    code: 'SCARD_E_NO_SERVICE',
    value: 0x8010001d,
    text: '',
    operation: '',
    reader: '',
    detail: '',
  });
  const onlooker = new EventCursor();
  const types = (view: Parameters<EventCursor['catchUp']>[0]) =>
    onlooker.catchUp(view).map(({ type }) => type);
  expect(types({ picture: [], error })).toEqual(['service-lost']);
  expect(types({ picture: [], error })).toEqual([]);
  expect(types({ picture: [], error: undefined })).toEqual(['service-restored']);
  expect(types({ picture: [], error: undefined })).toEqual([]);
});
