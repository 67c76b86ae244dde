/** The program with another library: `node peer.js ADAPTER READER...`, orders by standard input. */
import { pathToFileURL } from 'node:url';
import type { Adapter } from './adapter.js';
import { adapterCommands } from './commands.js';
import { serve } from './serve.js';

const [path = '', ...readers] = process.argv.slice(2);
const { adapter } = (await import(pathToFileURL(path).href)) as { adapter: Adapter };

await serve(adapterCommands(adapter, readers));
process.exit(); // a library's monitor may keep the process running
