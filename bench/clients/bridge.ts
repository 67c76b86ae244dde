/** The program with this library: `node bridge.js READER...`, orders by standard input. */
import { adapter, bridge } from './bridge-adapter.js';
import { bridgeCommands } from './bridge-commands.js';
import { adapterCommands } from './commands.js';
import { serve } from './serve.js';
import { sessionCommands } from './session-commands.js';
import { webCommands } from './web-commands.js';

const readers = process.argv.slice(2);

await serve({
  ...adapterCommands(adapter, readers),
  ...bridgeCommands(readers),
  ...sessionCommands(readers),
  ...webCommands(readers),
});
await bridge.close();
