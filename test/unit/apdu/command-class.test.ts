import { expect, test } from 'vitest';
import { InterindustryClass } from '../../../src/apdu/index.js';

const plain = { channel: 0, chained: false, secureMessaging: false, proprietary: false, reserved: false };

test.each([
  [0x00, {}],
  [0x03, { channel: 3 }],
  [0x10, { chained: true }],
  [0x0c, { secureMessaging: true }],
  [0x20, { reserved: true }],
  [0x40, { channel: 4 }],
  [0x5f, { channel: 19, chained: true }],
  [0x60, { channel: 4, secureMessaging: true }],
  [0x84, { proprietary: true }],
  [0x90, { proprietary: true, chained: true }],
])('class byte %i determines channel, chaining and secure messaging', (cla, differs) => {
  expect(new InterindustryClass(cla)).toMatchObject({ ...plain, ...differs });
});

test('GET RESPONSE stays on the logical channel of its command', () => {
  expect(new InterindustryClass(0x13).forGetResponse()).toBe(0x03);
  expect(new InterindustryClass(0x65).forGetResponse()).toBe(0x45);
  expect(new InterindustryClass(0x84).forGetResponse()).toBe(0x00);
});
