import { describe, expect, it } from '@jest/globals';
import { quantile, repeatFor } from '../../../loadtest/limits/measure.ts';
import { readWrk } from '../../../loadtest/limits/wrk.ts';

describe('quantile', () => {
  it.each([
    [[], 0.5, 0],
    [[7], 0.99, 7],
    [[1, 2, 3, 4], 0.5, 2],
    [[1, 2, 3, 4], 0.75, 3],
    [[1, 2, 3, 4], 0.99, 4],
  ])('of %j at %d is %d', (sorted, share, value) => expect(quantile(sorted, share)).toBe(value));
});

describe('repeatFor', () => {
  it('counts what all connections got done, pieces and all', async () => {
    const callsOf = [0, 0, 0];
    const figure = await repeatFor(
      30,
      3,
      async (connection) => {
        callsOf[connection]! += 1;
        await new Promise((resolve) => setImmediate(resolve));
      },
      10,
    );
    expect(Math.min(...callsOf)).toBeGreaterThan(0);
    const calls = callsOf.reduce((sum, count) => sum + count, 0);
    // As many in at least the 30 ms it was given.
    expect(figure.perS).toBeLessThanOrEqual((calls * 10) / 0.03);
    expect(figure.p50Ms).toBeLessThanOrEqual(figure.p99Ms);
  });

  it('hands on the error of any of them', async () => {
    const failing = repeatFor(1_000, 2, async (connection) => {
      await new Promise((resolve) => setImmediate(resolve));
      if (connection === 1) throw new Error('the database is away');
    });
    await expect(failing).rejects.toThrow('the database is away');
  });
});

describe('readWrk', () => {
  const report = `Running 3s test @ http://127.0.0.1:4000/orders
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     5.36ms    3.23ms 102.71ms   96.72%
    Req/Sec    12.39k     1.77k   14.77k    80.00%
  Latency Distribution
     50%  812.00us
     75%    5.22ms
     90%    6.56ms
     99%    1.21s 
  37009 requests in 3.00s, 6.60MB read
Requests/sec:  12330.81
Transfer/sec:      2.20MB
`;

  it('reads rate and percentiles, in whatever unit', () => {
    expect(readWrk(report)).toEqual({ perS: 12_330.81, p50Ms: 0.812, p99Ms: 1_210, errorCount: 0 });
  });

  it('counts what was refused or cut', () => {
    const failed = `${report}  Socket errors: connect 1, read 2, write 0, timeout 3\n  Non-2xx or 3xx responses: 40\n`;
    expect(readWrk(failed)).toMatchObject({ errorCount: 46 });
  });

  it('shows what was printed when there are no figures in it', () => {
    expect(() => readWrk('unable to connect to 127.0.0.1:1')).toThrow(/unable to connect/);
  });
});
