import { bun } from '../../support/hosts.js';
import { testHost } from './runs-in.js';

await testHost(bun());
