import { bun } from '../../support/hosts.js';
import { testHosts } from './runs-in.js';

await testHosts(bun());
