/**
 * Installs the Web Smart Card API as Chrome has it: `navigator.smartCard`, and the interfaces as global variables. What
 * exists already is left as it is, such as Chrome's own API in a window of Electron.
 */
import {
  SmartCardConnection,
  SmartCardContext,
  SmartCardError,
  SmartCardResourceManager,
  smartCard,
} from './index.js';

declare const navigator: object;

function install(target: object, name: string, property: PropertyDescriptor): void {
  if (!(name in target)) Object.defineProperty(target, name, { ...property, configurable: true });
}

const interfaces = { SmartCardConnection, SmartCardContext, SmartCardError, SmartCardResourceManager };
for (const [name, value] of Object.entries(interfaces)) install(globalThis, name, { value, writable: true });
// Node.js has a navigator from version 21 on.
install(globalThis, 'navigator', { value: {}, writable: true });
install(navigator, 'smartCard', { get: () => smartCard, enumerable: true });
