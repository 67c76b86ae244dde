import { expect } from 'vitest';
import type { DoctorReport, Finding } from '../../../src/tools/doctor/report.js';

const verdicts = [
  'not-affected',
  'hotfix-missing',
  'hotfix-present-filter-off',
  'filter-on-restart-pending',
  'fixed',
  'unknown',
];

/** The report that `doctor --json` printed, member by member as in docs/doctor.md. */
export function parseReport(stdout: string): DoctorReport {
  const report = JSON.parse(stdout) as DoctorReport;
  expect(Object.keys(report)).toEqual(['schema', 'verdict', 'rule', 'reason', 'nextSteps', 'findings']);
  expect(report.schema).toBe(1);
  expect(verdicts).toContain(report.verdict);
  expect(report.rule).toMatch(/^[a-z0-9-]+$/);
  expect(report.reason).toMatch(/\.$/);
  expect(report.nextSteps.every((step) => typeof step === 'string' && step !== '')).toBe(true);
  for (const finding of report.findings) {
    expect(finding).toEqual({
      name: expect.stringMatching(/^[A-Za-z0-9.-]+$/),
      value: finding.value === null ? null : expect.any(String),
      note: finding.value === null ? expect.stringMatching(/./) : expect.any(String),
      attention: expect.any(Boolean),
    });
  }
  const names = report.findings.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  return report;
}

export function findingOf(report: DoctorReport, name: string): Finding {
  const found = report.findings.find((finding) => finding.name === name);
  if (!found) throw new Error(`the report has no finding ${name}`);
  return found;
}
