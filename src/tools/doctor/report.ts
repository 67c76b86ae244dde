/** Is this host affected by KB949538, fixed, filtered? docs/doctor.md has the decision table and the names. */
import { native } from '../../native/addon.js';

export type DoctorVerdict =
  | 'not-affected'
  | 'hotfix-missing'
  | 'hotfix-present-filter-off'
  | 'filter-on-restart-pending'
  | 'fixed'
  | 'unknown';

/** One thing that was looked at. */
export interface Finding {
  /** Symbolic, one of its kind in a report: `basecsp.dll`. */
  name: string;
  /** null: it could not be learnt, and the note says why. */
  value: string | null;
  /** A remark, or ''. */
  note: string;
  /** Something is to be done about it; the note says what. */
  attention: boolean;
}

/** What `pcsc-bridge doctor --json` prints. */
export interface DoctorReport {
  schema: 1;
  verdict: DoctorVerdict;
  /** The row of the decision table that decided. */
  rule: string;
  reason: string;
  /** The verdict's, then the findings'; empty: nothing is to be done. An unknown verdict has one, too. */
  nextSteps: string[];
  findings: Finding[];
}

export interface FilterWritten {
  /** false: it was so already, and nothing was written. */
  changed: boolean;
  place: string;
  /** What is left to do. */
  note: string;
}

/** Looks at this host. Seconds at most, whatever hangs; nothing is changed and no card is touched. */
export async function examineHost(): Promise<DoctorReport> {
  return (await native.doctor()) as DoctorReport;
}

/**
 * Writes the system-wide setting of the filter, which counts from the next start of Windows on.
 *
 * @throws PcscError ERROR_ACCESS_DENIED for whoever is no administrator; SCARD_E_UNSUPPORTED_FEATURE where there
 * is no registry.
 */
export function writeFilter(on: boolean): Promise<FilterWritten> {
  return native.writeFilter(on);
}
