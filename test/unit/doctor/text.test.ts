import { describe, expect, it } from 'vitest';
import type { DoctorReport, DoctorVerdict } from '../../../src/tools/doctor/report.js';
import { doctorText } from '../../../src/tools/doctor/text.js';

const affected: DoctorReport = {
  schema: 1,
  verdict: 'hotfix-present-filter-off',
  rule: 'filter-absent',
  reason: 'Both files contain the hotfix. The filter is off until it is turned on.',
  nextSteps: ['Turn the filter on and restart Windows.', 'pcsc-service: restart it'],
  findings: [
    { name: 'system', value: 'Windows Server 2008', note: '', attention: false },
    { name: 'basecsp.dll', value: '6.0.6002.22139', note: 'contains the hotfix', attention: false },
    { name: 'pcsc-service', value: 'SCARD_E_TIMEOUT', note: 'restart it', attention: true },
    { name: 'readers', value: null, note: 'the service does not serve', attention: false },
  ],
};

describe('the doctor’s text', () => {
  it('has the verdict, the reason, the next steps and the findings, in this order', () => {
    expect(doctorText(affected)).toBe(
      [
        'Affected: the filter of KB949538 is off',
        'Both files contain the hotfix. The filter is off until it is turned on.',
        '',
        'Next step',
        '  Turn the filter on and restart Windows.',
        '  pcsc-service: restart it',
        '',
        'Found',
        '  system        Windows Server 2008',
        '  basecsp.dll   6.0.6002.22139',
        '                contains the hotfix',
        '! pcsc-service  SCARD_E_TIMEOUT',
        '                restart it',
        '  readers       not known',
        '                the service does not serve',
        '',
      ].join('\n'),
    );
  });

  it('wraps words at the width, and never drops a word', () => {
    const report = { ...affected, reason: `${'word '.repeat(40)}${'x'.repeat(90)} end.` };
    const text = doctorText(report, 60);
    const long = text.split('\n').filter((line) => line.length > 60);
    expect(long).toEqual(['x'.repeat(90)]);
    expect(text.match(/\bword\b/g)).toHaveLength(40);
  });

  it('says that nothing is to be done', () => {
    const text = doctorText({ ...affected, verdict: 'fixed', nextSteps: [], findings: [] });
    expect(text).toContain('Next step\n  Nothing to do.\n');
  });

  it.each<DoctorVerdict>(['not-affected', 'hotfix-missing', 'filter-on-restart-pending', 'fixed', 'unknown'])(
    'has a title for %s',
    (verdict) => {
      expect(doctorText({ ...affected, verdict }).split('\n')[0]).toMatch(/KB949538/);
    },
  );

  it("shows no control characters from a device's name", () => {
    const name = 'Reader \u001b[31mred\u0007\u001b]0;title\u0007 \u009b2J';
    const finding = { name: 'reader-1', value: name, note: name, attention: false };
    const text = doctorText({ ...affected, findings: [finding] });
    expect(text).toContain('red');
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });
});
