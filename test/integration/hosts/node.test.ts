import { lines, nodeOf } from '../../support/nodes.js';
import { testHosts } from './runs-in.js';

// The programs themselves are right if they run here.
await testHosts(...lines.map((line) => ({ name: `Node ${line}`, command: [nodeOf(line)], env: {} })));
