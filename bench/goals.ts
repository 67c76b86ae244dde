/** What each figure has to be; where the limit comes from is in docs/performance.md. */

export interface Goal {
  name: string;
  text: string;
  limit: number;
  /** Whether the limit is the most or the least. */
  at: 'most' | 'least';
  /** '' is a count. */
  unit: 'x' | 'us' | 'ms' | '%' | 's' | 'MiB' | 'KiB' | '';
}

const most = (limit: number, unit: Goal['unit'], name: string, text: string): Goal => ({
  name,
  text,
  limit,
  at: 'most',
  unit,
});
const least = (limit: number, unit: Goal['unit'], name: string, text: string): Goal => ({
  ...most(limit, unit, name, text),
  at: 'least',
});

export const goals: readonly Goal[] = [
  most(1.15, 'x', 'apdu5_p50_vs_c', 'a 5-byte APDU'),
  most(1.1, 'x', 'apdu5_pinned_p50_vs_c', 'the same, client and daemon on different cores'),
  most(1.15, 'x', 'apdu256_p50_vs_c', '256 bytes of response'),
  most(1.15, 'x', 'apdu64k_p50_vs_c', '65,000 bytes of response'),
  most(1.1, 'x', 'cert16_p50_vs_c', 'a certificate in 16 pieces'),
  most(1.3, 'x', 'transaction_p50_vs_c', 'a transaction on a cached card: begin, a 5-byte APDU, end'),
  most(5, 'us', 'web_transmit_us', 'the Web Smart Card API: a transmit, longer than card.transmit'),
  least(0.9, 'x', 'eight_cards_vs_c', 'APDUs per second, eight cards at once'),
  least(0.97, 'x', 'eight_slow_cards_vs_c', 'the same, cards that take 10 ms'),
  most(1.5, 'x', 'blocked_transmit_vs_idle', 'another card, 16 users waiting for a held one'),
  most(1.5, 'x', 'blocked_readfile_vs_idle', 'readFile meanwhile'),
  most(1.5, 'x', 'blocked_pbkdf2_vs_idle', 'pbkdf2 meanwhile'),
  most(1.5, 'x', 'blocked_dns_vs_idle', 'dns.lookup meanwhile'),
  most(0.3, 'ms', 'handover_process_ms_p50', 'hand-over in the process'),
  most(1.5, 'ms', 'handover_cross_ms_p50', 'hand-over from another process'),
  most(2, '%', 'handover_waiter_cpu_percent', 'of a core, per waiter for another process'),
  most(10, 'ms', 'queue8_ms', 'eight users: begin, transmit, end on one card'),
  most(10, 'ms', 'abort_ms_p99', 'abort of a blocked call'),
  most(2, 'MiB', 'rss_growth_mib', 'memory kept after much use'),
  most(1, 's', 'exit_blocked_s', 'exit during a blocked call'),
  most(0.3, 'ms', 'hotplug_behind_c_ms', 'card event, later than in C'),
  most(0, '', 'sessions1000_failures', '1,000 sessions on 16 readers: calls that failed'),
  most(80, '', 'sessions1000_contexts', 'contexts of theirs in the daemon'),
  most(24, '', 'sessions1000_threads', 'threads of their process'),
  most(8, 'KiB', 'sessions1000_kib_per_session', 'memory of a session with a watch'),
  most(0.5, '%', 'sessions1000_idle_cpu_percent', 'of a core, while nothing happens'),
  most(1.3, 'x', 'logon_storm_vs_c', '64 logons at once on 16 cards'),
];

export function meets(goal: Goal, value: number): boolean {
  return goal.at === 'most' ? value <= goal.limit : value >= goal.limit;
}
