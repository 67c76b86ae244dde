import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FakePcsc, onWindows } from '../../support/fake-pcsc.js';

// <winscard.h> and <winerror.h> as documented by Microsoft; <pcsclite.h> if it differs.
const codes: Record<string, number> = {
  ERROR_INVALID_FUNCTION: 1,
  ERROR_ACCESS_DENIED: 5,
  ERROR_INVALID_HANDLE: 6,
  ERROR_NOT_READY: 21,
  ERROR_BAD_COMMAND: 22,
  ERROR_GEN_FAILURE: 31,
  ERROR_NOT_SUPPORTED: 50,
  ERROR_INVALID_PARAMETER: 87,
  ERROR_BROKEN_PIPE: 109,
  ERROR_SEM_TIMEOUT: 121,
  ERROR_INSUFFICIENT_BUFFER: 122,
  ERROR_OPERATION_ABORTED: 995,
  ERROR_DEVICE_NOT_CONNECTED: 1167,
  RPC_X_BAD_STUB_DATA: 1783,
  SCARD_F_INTERNAL_ERROR: 0x80100001,
  SCARD_E_CANCELLED: 0x80100002,
  SCARD_E_INVALID_HANDLE: 0x80100003,
  SCARD_E_INVALID_PARAMETER: 0x80100004,
  SCARD_E_INVALID_TARGET: 0x80100005,
  SCARD_E_NO_MEMORY: 0x80100006,
  SCARD_F_WAITED_TOO_LONG: 0x80100007,
  SCARD_E_INSUFFICIENT_BUFFER: 0x80100008,
  SCARD_E_UNKNOWN_READER: 0x80100009,
  SCARD_E_TIMEOUT: 0x8010000a,
  SCARD_E_SHARING_VIOLATION: 0x8010000b,
  SCARD_E_NO_SMARTCARD: 0x8010000c,
  SCARD_E_UNKNOWN_CARD: 0x8010000d,
  SCARD_E_CANT_DISPOSE: 0x8010000e,
  SCARD_E_PROTO_MISMATCH: 0x8010000f,
  SCARD_E_NOT_READY: 0x80100010,
  SCARD_E_INVALID_VALUE: 0x80100011,
  SCARD_E_SYSTEM_CANCELLED: 0x80100012,
  SCARD_F_COMM_ERROR: 0x80100013,
  SCARD_F_UNKNOWN_ERROR: 0x80100014,
  SCARD_E_INVALID_ATR: 0x80100015,
  SCARD_E_NOT_TRANSACTED: 0x80100016,
  SCARD_E_READER_UNAVAILABLE: 0x80100017,
  SCARD_P_SHUTDOWN: 0x80100018,
  SCARD_E_PCI_TOO_SMALL: 0x80100019,
  SCARD_E_READER_UNSUPPORTED: 0x8010001a,
  SCARD_E_DUPLICATE_READER: 0x8010001b,
  SCARD_E_CARD_UNSUPPORTED: 0x8010001c,
  SCARD_E_NO_SERVICE: 0x8010001d,
  SCARD_E_SERVICE_STOPPED: 0x8010001e,
  [onWindows ? 'SCARD_E_UNEXPECTED' : 'SCARD_E_UNSUPPORTED_FEATURE']: 0x8010001f,
  SCARD_E_ICC_INSTALLATION: 0x80100020,
  SCARD_E_ICC_CREATEORDER: 0x80100021,
  SCARD_E_DIR_NOT_FOUND: 0x80100023,
  SCARD_E_FILE_NOT_FOUND: 0x80100024,
  SCARD_E_NO_DIR: 0x80100025,
  SCARD_E_NO_FILE: 0x80100026,
  SCARD_E_NO_ACCESS: 0x80100027,
  SCARD_E_WRITE_TOO_MANY: 0x80100028,
  SCARD_E_BAD_SEEK: 0x80100029,
  SCARD_E_INVALID_CHV: 0x8010002a,
  SCARD_E_UNKNOWN_RES_MNG: 0x8010002b,
  SCARD_E_NO_SUCH_CERTIFICATE: 0x8010002c,
  SCARD_E_CERTIFICATE_UNAVAILABLE: 0x8010002d,
  SCARD_E_NO_READERS_AVAILABLE: 0x8010002e,
  SCARD_E_COMM_DATA_LOST: 0x8010002f,
  SCARD_E_NO_KEY_CONTAINER: 0x80100030,
  SCARD_E_SERVER_TOO_BUSY: 0x80100031,
  SCARD_E_PIN_CACHE_EXPIRED: 0x80100032,
  SCARD_E_NO_PIN_CACHE: 0x80100033,
  SCARD_E_READ_ONLY_CARD: 0x80100034,
  SCARD_W_UNSUPPORTED_CARD: 0x80100065,
  SCARD_W_UNRESPONSIVE_CARD: 0x80100066,
  SCARD_W_UNPOWERED_CARD: 0x80100067,
  SCARD_W_RESET_CARD: 0x80100068,
  SCARD_W_REMOVED_CARD: 0x80100069,
  SCARD_W_SECURITY_VIOLATION: 0x8010006a,
  SCARD_W_WRONG_CHV: 0x8010006b,
  SCARD_W_CHV_BLOCKED: 0x8010006c,
  SCARD_W_EOF: 0x8010006d,
  SCARD_W_CANCELLED_BY_USER: 0x8010006e,
  SCARD_W_CARD_NOT_AUTHENTICATED: 0x8010006f,
  SCARD_W_CACHE_ITEM_NOT_FOUND: 0x80100070,
  SCARD_W_CACHE_ITEM_STALE: 0x80100071,
  SCARD_W_CACHE_ITEM_TOO_BIG: 0x80100072,
};
// The second number of a name that has two.
const twins: [string, number][] = [['SCARD_E_UNSUPPORTED_FEATURE', 0x80100022]];
// Windows' codes for a removed card. The error is SCARD_W_REMOVED_CARD and names the original code.
const removals = { ERROR_NO_MEDIA_IN_DRIVE: 0x458, ERROR_IO_DEVICE: 0x45d };

const table = [...Object.entries(codes), ...twins];
const reader = 'Reader 00 00';
const script = [`reader "${reader}"`, `card "${reader}" 3B00 T=1`, `control "${reader}" 1 9000`];

test(`each of ${table.length} codes has its name, its number and a sentence of its own`, async () => {
  const fake = new FakePcsc(...script);
  const errors = await fake.run(
    async ({ bridge: { CardBridge }, fake, errorOf }, { reader, values }) => {
      const bridge = new CardBridge();
      const session = await bridge.openSession({ id: 1, connectTime: 1n });
      const card = await session.connect(reader);
      const errors = [];
      for (const value of values) {
        fake.write(`on SCardControl fail ${value}`);
        errors.push(await errorOf(card.control(1)));
      }
      await card.control(1); // after any of them, the card is usable again
      await bridge.close();
      return errors;
    },
    { reader, values: table.map(([, value]) => value) },
  );
  const said = errors.map(({ name, code, value, operation, reader }) => ({
    name,
    code,
    value,
    operation,
    reader,
  }));
  expect(said).toEqual(
    table.map(([code, value]) => ({ name: 'PcscError', code, value, operation: 'SCardControl', reader })),
  );
  const sentences = errors.map(({ message }) => message);
  for (const [index, [code, value]] of table.entries()) {
    const number = `0x${value.toString(16).padStart(8, '0')}`;
    expect(sentences[index]).toMatch(/^SCardControl on "Reader 00 00": [A-Z].{15,} \[/);
    expect(sentences[index]).toContain(`[${code} ${number}]`);
    expect(sentences[index]).not.toContain('in no list');
  }
  const texts = new Set(sentences.map((sentence) => sentence.replace(/ \[.*/, '')));
  // ERROR_INSUFFICIENT_BUFFER has the sentence of SCARD_E_INSUFFICIENT_BUFFER.
  expect(texts.size).toBe(table.length - 1);
});

test('the table above has every code of native/pcsc/status', () => {
  const read = (name: string) =>
    readFileSync(new URL(`../../../native/pcsc/${name}`, import.meta.url), 'utf8');
  const constants = new Map(
    [...read('status.h').matchAll(/constexpr Status (k\w+) = (0x[0-9a-f]+|\d+);/g)].map(([, name, value]) => [
      name,
      Number(value),
    ]),
  );
  const rows = [...read('status.cc').matchAll(/^ +\{(?:(0x[0-9a-f]+)|status::(k\w+)),/gm)].map(
    ([, number, name]) => (number === undefined ? (constants.get(name) ?? Number.NaN) : Number(number)),
  );
  const ours = (value: number) => value >= 0xe0100000 || value === 0;
  const known = new Set(rows.filter((value) => !ours(value)));
  const tested = [...table.map(([, value]) => value), ...Object.values(removals)];
  expect([...known].sort()).toEqual(tested.sort());
});

test.each(Object.entries(removals))(
  '%s (0x%x) means that the card was removed, and the card connects again',
  async (name, value) => {
    const fake = new FakePcsc(...script, `answer "${reader}" 00 9000`, `on SCardTransmit fail ${value}`);
    const seen = await fake.run(async ({ bridge: { CardBridge }, errorOf }, reader) => {
      const bridge = new CardBridge();
      const session = await bridge.openSession({ id: 1, connectTime: 1n, unknownLastUser: 'trust' });
      const card = await session.connect(reader);
      const select = Uint8Array.of(0, 0xa4, 4, 0);
      const error = await errorOf(card.transmit(select));
      const next = await card.transmit(select);
      await bridge.close();
      return { error, next };
    }, reader);
    expect(seen).toMatchObject({
      error: { code: 'SCARD_W_REMOVED_CARD', value: 0x80100069, operation: 'SCardTransmit', reader },
      next: '9000',
    });
    expect(seen.error.message).toContain(`Windows error 0x${value.toString(16).toUpperCase()} (${name})`);
    expect(fake.calls('SCardConnect')).toHaveLength(2);
  },
);

test('our own codes in src/errors.ts are those of native/pcsc/status, with the same sentences', () => {
  const read = (name: string) => readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8');
  const text = (parts: string) => [...parts.matchAll(/(['"])(.*?)\1/g)].map(([, , part]) => part).join('');
  const numbers = new Map(
    [...read('native/pcsc/status.h').matchAll(/Status (k\w+) = (0xe01\w+);\s*\/\/ (BRIDGE_E_\w+)/g)].map(
      ([, constant, number, name]) => [constant, { name, value: Number(number) }],
    ),
  );
  const rows = [
    ...read('native/pcsc/status.cc').matchAll(/\{status::(k\w+),\s*\{"(BRIDGE_E_\w+)",([^}]*)\}/g),
  ].map(([, constant, name, words = '']) => ({ ...numbers.get(constant), row: name, text: text(words) }));
  // The next number is free.
  expect(rows.map(({ value }) => value)).toEqual(rows.map((_, index) => 0xe0100001 + index));
  expect(rows.map(({ row }) => row)).toEqual(rows.map(({ name }) => name));
  expect(rows).toHaveLength(numbers.size);
  const thrown = [
    ...read('src/errors.ts').matchAll(
      /code: '(BRIDGE_E_\w+)',\s*value: (0x\w+),\s*text:([^\n]*(?:\n {6}[^\n]*)*)/g,
    ),
  ].map(([, name, number, words = '']) => ({ row: name, value: Number(number), text: text(words) }));
  expect(thrown.map(({ row }) => row)).toEqual(['BRIDGE_E_CLOSED', 'BRIDGE_E_NESTED']);
  for (const one of thrown) expect(rows).toContainEqual(expect.objectContaining(one));
});

test('a code that is in no list is reported as unknown', async () => {
  const fake = new FakePcsc(...script, 'on SCardControl fail 0x80100abc');
  const error = await fake.run(async ({ bridge: { CardBridge }, errorOf }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const card = await session.connect(reader);
    const error = await errorOf(card.control(1));
    await bridge.close();
    return error;
  }, reader);
  expect(error).toMatchObject({ code: 'SCARD_UNKNOWN', value: 0x80100abc });
});

test('an error names the function that failed', async () => {
  const fake = new FakePcsc(...script);
  const operations = await fake.run(async ({ bridge: { CardBridge }, fake, errorOf }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const apdu = Uint8Array.of(0, 0xa4, 0, 0);
    const operations: Record<string, unknown> = {};
    async function failing(name: string, action: () => Promise<unknown>): Promise<void> {
      fake.write(`on ${name} always fail 0x80100014`);
      const { operation, code, reader } = await errorOf(action());
      operations[name] = `${operation} ${code} ${reader ?? ''}`;
      fake.write('forget-rules');
    }
    await failing('SCardEstablishContext', () => session.connect(reader));
    await failing('SCardListReaders', () => session.listReaders());
    await failing('SCardListReaderGroups', () => session.listReaderGroups());
    await failing('SCardConnect', () => session.connect(reader));
    const card = await session.connect(reader);
    await failing('SCardReconnect', () => card.reconnect());
    await failing('SCardBeginTransaction', () => card.transaction(() => {}));
    await failing('SCardEndTransaction', () => card.transaction(() => {}));
    await failing('SCardStatus', () => card.status());
    await failing('SCardTransmit', () => card.transmit(apdu));
    await failing('SCardControl', () => card.control(1));
    await failing('SCardGetAttrib', () => card.getAttribute('vendorName'));
    await failing('SCardSetAttrib', () => card.setAttribute('vendorName', apdu));
    fake.write('on SCardGetStatusChange fail 0x80100014');
    for await (const event of session.watch()) {
      if (event.type !== 'service-lost') continue;
      operations['SCardGetStatusChange'] = `${event.error.operation} ${event.error.code} `;
      break;
    }
    await bridge.close();
    return operations;
  }, reader);
  const expected = (name: string) => {
    const ofContext = ['EstablishContext', 'ListReaders', 'ListReaderGroups', 'GetStatusChange'];
    return `${name} SCARD_F_UNKNOWN_ERROR ${ofContext.includes(name.slice(5)) ? '' : reader}`;
  };
  expect(operations).toEqual(
    Object.fromEntries(Object.keys(operations).map((name) => [name, expected(name)])),
  );
  expect(Object.keys(operations)).toHaveLength(13);
});
