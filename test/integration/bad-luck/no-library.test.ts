import { expect, test } from 'vitest';
import { runChild } from '../../support/child.js';

const program = `
  const { CardBridge } = await import(bridge);
  const errors = {};
  const note = (name, error) => { errors[name] = { code: error.code, value: error.value, message: error.message }; };
  const own = new CardBridge();
  const session = await own.openSession();
  await session.listReaders().catch((error) => note('listReaders', error));
  await session.connect('Reader').catch((error) => note('connect', error));
  await session.transaction('Reader', () => {}).catch((error) => note('transaction', error));
  try {
    for await (const event of session.watch()) errors.watch = event;
  } catch (error) {
    note('watch', error);
  }
  await own.close();
  console.log(JSON.stringify(errors));
`;

test.each([
  [
    'there is no PC/SC library',
    '/nonexistent/libpcsclite.so.1',
    /cannot open shared object.*; correct PCSC_BRIDGE_LIBRARY, or unset it to use the system's/,
  ],
  [
    'the library is not a PC/SC library',
    'libc.so.6',
    /is not a PC\/SC library: it lacks .*; check PCSC_BRIDGE_LIBRARY/,
  ],
])('if %s, every call rejects with an error that says so, and what to do', async (_, path, reason) => {
  const { code, stdout, stderr } = await runChild(program, { env: { PCSC_BRIDGE_LIBRARY: path } });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const errors = JSON.parse(stdout);
  expect(Object.keys(errors)).toEqual(['listReaders', 'connect', 'transaction', 'watch']);
  for (const error of Object.values(errors)) {
    expect(error).toMatchObject({ code: 'BRIDGE_E_LIBRARY_MISSING', value: 0xe0100001 });
    expect((error as Error).message).toMatch(reason);
  }
});
