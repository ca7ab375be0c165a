import type { LoadSecond } from '@millrace/loadtest';
import { describe, expect, it } from '@jest/globals';
import { lineOf, ProgressLine } from '../../../infra/loadtest/progress-line.ts';

const secondOf = (second: number): LoadSecond => ({
  second,
  arrived: 10_000,
  sent: 10_002,
  answered: 9_990,
  failed: 0,
  inFlight: 42,
  latency: { count: 1, meanMs: 1, p50Ms: 1, p95Ms: 2, p99Ms: 11.84, p999Ms: 12, maxMs: 12 },
});

describe('the progress of a load', () => {
  it('is one line a second', () => {
    expect(lineOf(secondOf(11), 30)).toBe(
      '       12 s of 30   10,002 came    9,990 answered      0 failed   p99     11.8 ms     42 in flight',
    );
  });

  it('is written over on a terminal, and ended once', () => {
    const written: string[] = [];
    const out = { isTTY: true, write: (text: string) => written.push(text) };
    const progress = new ProgressLine(3_600, out);
    progress.show(secondOf(0));
    progress.show(secondOf(1));
    progress.end();
    progress.end();
    expect(written).toHaveLength(3);
    expect(written[1]).toBe(`\r${lineOf(secondOf(1), 3_600)}\u001B[K`);
    expect(written[2]).toBe('\n');
  });

  it('goes into a log every second, or every ten of a long load', () => {
    const linesOf = (durationS: number): number => {
      const written: string[] = [];
      const progress = new ProgressLine(durationS, { write: (text) => written.push(text) });
      for (let second = 0; second < 30; second += 1) progress.show(secondOf(second));
      return written.length;
    };
    expect(linesOf(30)).toBe(30);
    expect(linesOf(1_800)).toBe(3);
  });
});
