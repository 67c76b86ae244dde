/** The doctor's report: is this host affected by KB949538? docs/doctor.md has the decision table and the names. */
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
  /** null: the value is unknown, and the note says why. */
  value: string | null;
  /** A remark, or ''. */
  note: string;
  /** Action is required; the note says which. */
  attention: boolean;
}

/** What `pcsc-bridge doctor --json` prints. */
export interface DoctorReport {
  schema: 1;
  verdict: DoctorVerdict;
  /** The row of the decision table that applies. */
  rule: string;
  reason: string;
  /**
   * The steps of the verdict, then those of the findings. Empty if no action is required. An unknown verdict has one,
   * too.
   */
  nextSteps: string[];
  findings: Finding[];
}

export interface FilterWritten {
  /** false: the value was set already, and nothing was written. */
  changed: boolean;
  place: string;
  /** What remains to be done. */
  note: string;
}

/**
 * Examines this host. It takes some seconds at most, even if a component hangs. It changes nothing and does not touch
 * any card.
 */
export async function examineHost(): Promise<DoctorReport> {
  return (await native.doctor()) as DoctorReport;
}

/**
 * Writes the system-wide setting of the filter. It takes effect at the next start of Windows.
 *
 * @throws {PcscError} ERROR_ACCESS_DENIED if the user is not an administrator; SCARD_E_UNSUPPORTED_FEATURE if there is
 *   no registry.
 */
export function writeFilter(on: boolean): Promise<FilterWritten> {
  return native.writeFilter(on);
}
