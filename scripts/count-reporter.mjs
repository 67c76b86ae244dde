/**
 * A vitest reporter for scripts/test. Writes to the file PCSC_BRIDGE_TEST_COUNTS: "PASSED FAILED SKIPPED" on
 * the first line, then one line per skipped test with the reason it gave.
 */
import { writeFileSync } from 'node:fs';

export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 };
    const skipped = [];
    for (const module of modules) {
      // A file that cannot be loaded has no tests that could fail.
      if (module.errors().length > 0) {
        counts.failed++;
      }
      for (const test of module.children.allTests()) {
        const { state, note } = test.result();
        counts[state]++;
        if (state === 'skipped') {
          skipped.push(`${module.relativeModuleId} > ${test.fullName}${note ? `: ${note}` : ''}`);
        }
      }
    }
    const { passed, failed, pending } = counts;
    const lines = [`${passed} ${failed + pending} ${counts.skipped}`, ...skipped];
    writeFileSync(process.env['PCSC_BRIDGE_TEST_COUNTS'], `${lines.join('\n')}\n`);
  }
}
