import { closeSync, openSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { descriptorsOf, findDaemon, PeakCounter, processorMs, threadsOf } from '../../../bench/processes.js';

it('counts the threads and descriptors of a process', () => {
  expect(threadsOf(process.pid)).toBeGreaterThan(1);
  const before = descriptorsOf(process.pid);
  const descriptor = openSync('/dev/null', 'r');
  expect(descriptorsOf(process.pid)).toBe(before + 1);
  closeSync(descriptor);
});

it('measures processor time in milliseconds', () => {
  const before = processorMs(process.pid);
  const until = performance.now() + 50;
  while (performance.now() < until);
  const used = processorMs(process.pid) - before;
  // Less than the elapsed time if other processes run on this core.
  expect(used).toBeGreaterThan(5);
  expect(used).toBeLessThan(5000);
});

it('keeps the highest count, also if it is reached at the end', () => {
  vi.useFakeTimers();
  try {
    let threads = 3;
    const counter = new PeakCounter({ threads: () => threads }, 10);
    threads = 9;
    vi.advanceTimersByTime(10);
    threads = 5;
    vi.advanceTimersByTime(10);
    expect(counter.peak).toEqual({ threads: 9 });
    threads = 12;
    counter.stop();
    expect(counter.peak).toEqual({ threads: 12 });
  } finally {
    vi.useRealTimers();
  }
});

it('finds no daemon for a directory without one', () => {
  expect(findDaemon('/nonexistent/rig')).toBeUndefined();
});
