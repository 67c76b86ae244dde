/**
 * A vitest reporter for scripts/test. Writes to the file PCSC_BRIDGE_TEST_COUNTS: "PASSED FAILED SKIPPED" on the first line,
 * then a line for each failed test, "failed: TEST: MESSAGE", and for each skipped one, "skipped: TEST: REASON".
 */
import { writeFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';

/** The first line of an error's message. */
function messageOf(error) {
  return stripVTControlCharacters(String(error?.message ?? error)).split('\n', 1)[0];
}

export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    const named = [];
    const fail = (name, errors) =>
      named.push(`failed: ${name}: ${errors?.map(messageOf).join('; ') || 'no error was reported'}`);
    for (const error of unhandledErrors) {
      counts.failed++;
      fail('outside the tests', [error]);
    }
    for (const module of modules) {
      // A file that cannot be loaded has no tests that could fail.
      if (module.errors().length > 0) {
        counts.failed++;
        fail(module.relativeModuleId, module.errors());
      }
      for (const test of module.children.allTests()) {
        const { state, note, errors } = test.result();
        const name = `${module.relativeModuleId} > ${test.fullName}`;
        counts[state]++;
        if (state === 'skipped') {
          named.push(`skipped: ${name}${note ? `: ${note}` : ''}`);
        } else if (state !== 'passed') {
          fail(name, errors);
        }
      }
    }
    const { passed, failed, pending, skipped } = counts;
    writeFileSync(
      process.env['PCSC_BRIDGE_TEST_COUNTS'],
      `${[`${passed} ${failed + pending} ${skipped}`, ...named].join('\n')}\n`,
    );
  }
}
