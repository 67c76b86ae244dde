import { describe, expect, test } from 'vitest';
import { CommandApdu, fromHex, toHex } from '../../../src/apdu/index.js';

const zeros = (count: number) => '00'.repeat(count);

const layouts = [
  { name: 'case 1', bytes: '00A40000', case: 1, nc: 0, ne: 0, extended: false },
  { name: 'case 2 short', bytes: '00B0000010', case: 2, nc: 0, ne: 16, extended: false },
  { name: 'case 2 short, Le 00', bytes: '00B0000000', case: 2, nc: 0, ne: 256, extended: false },
  { name: 'case 2 extended', bytes: '00B00000000101', case: 2, nc: 0, ne: 257, extended: true },
  { name: 'case 2 extended, Le 0000', bytes: '00B00000000000', case: 2, nc: 0, ne: 65536, extended: true },
  { name: 'case 3 short', bytes: '00D6000002ABCD', case: 3, nc: 2, ne: 0, extended: false },
  {
    name: 'case 3 short, 255 bytes',
    bytes: `00D60000FF${zeros(255)}`,
    case: 3,
    nc: 255,
    ne: 0,
    extended: false,
  },
  { name: 'case 3 extended', bytes: '00D60000000002ABCD', case: 3, nc: 2, ne: 0, extended: true },
  {
    name: 'case 3 extended, 256 bytes',
    bytes: `00D60000000100${zeros(256)}`,
    case: 3,
    nc: 256,
    ne: 0,
    extended: true,
  },
  { name: 'case 4 short', bytes: '00CB3FFF025C0000', case: 4, nc: 2, ne: 256, extended: false },
  { name: 'case 4 extended', bytes: '00CB3FFF0000025C000000', case: 4, nc: 2, ne: 65536, extended: true },
];

describe('a command APDU', () => {
  test.each(layouts)('is parsed and encoded again: $name', ({ bytes, nc, ne, extended, ...layout }) => {
    const command = CommandApdu.parse(fromHex(bytes));
    expect(command.case).toBe(layout.case);
    expect(command.data).toHaveLength(nc);
    expect(command.ne).toBe(ne);
    expect(command.extended).toBe(extended);
    expect(toHex(command.encode())).toBe(bytes);
  });

  test('uses extended length automatically if the data or the response does not fit', () => {
    const long = new CommandApdu({ cla: 0, ins: 0xd6, p1: 0, p2: 0, data: new Uint8Array(256) });
    expect(toHex(long.encode().subarray(4, 7))).toBe('000100');
    const wide = new CommandApdu({ cla: 0, ins: 0xb0, p1: 0, p2: 0, ne: 257 });
    expect(toHex(wide.encode())).toBe('00B00000000101');
  });

  test('rejects fields that do not fit', () => {
    const fields = { cla: 0, ins: 0, p1: 0, p2: 0 };
    expect(() => new CommandApdu({ ...fields, p1: 256 })).toThrow('P1 must be one byte, but is 256.');
    expect(() => new CommandApdu({ ...fields, cla: 0xff })).toThrow('CLA FF is reserved');
    expect(() => new CommandApdu({ ...fields, ne: 65_537 })).toThrow(/Ne must be/);
    expect(() => new CommandApdu({ ...fields, data: new Uint8Array(65_536) })).toThrow(/at most 65535/);
  });
});
