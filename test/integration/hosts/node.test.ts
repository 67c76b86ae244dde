import { testHost } from './runs-in.js';

// The programs themselves are right if they run here.
await testHost({ name: 'Node', command: [process.execPath], env: {} });
