import { describe, expect, test } from '@jest/globals';
import { readProcessUsage } from '../../../loadtest/sampling/process-usage.ts';

/** A stat line with a name that is made to mislead. */
function stat(utime: number, stime: number): string {
  return `7 (node (x) 9 9) S 1 7 7 0 -1 4194304 500 0 0 0 ${utime} ${stime} 0 0 20 0 11 0 123 456 789`;
}

describe('what the kernel says of a process', () => {
  const files: Record<string, string> = {
    '/proc/7/stat': stat(150, 50),
    '/proc/7/statm': '1000 256 30 1 0 50 0',
    '/proc/7/task/7/children': '8 9 ',
    '/proc/8/stat': stat(10, 0),
    '/proc/8/statm': '1000 100 30 1 0 50 0',
    '/proc/8/task/8/children': '',
  };

  test('is added up with its children; one that has just gone is left out', () => {
    expect(readProcessUsage(7, (path) => files[path])).toEqual({
      cpuMs: 2_100,
      rssBytes: 356 * 4_096,
    });
  });

  test('is nothing once it is gone', () => {
    expect(readProcessUsage(99, (path) => files[path])).toBeUndefined();
  });

  const onLinux = process.platform === 'linux' ? test : test.skip;
  onLinux('agrees with what Node says of itself', () => {
    const { rss } = process.memoryUsage();
    const usage = readProcessUsage(process.pid)!;
    expect(usage.rssBytes).toBeGreaterThan(rss * 0.5);
    const { user, system } = process.cpuUsage();
    expect(usage.cpuMs).toBeGreaterThan(0);
    expect(usage.cpuMs).toBeLessThanOrEqual((user + system) / 1_000 + 1_000);
  });
});
