import { describe, expect, it } from '@jest/globals';
import { Probe } from '../../../services/common/probe.ts';

describe('Probe', () => {
  it('is up when the part answers', async () => {
    expect(await new Probe(() => Promise.resolve('PONG'), 1_000).status()).toEqual({
      status: 'up',
    });
  });

  it('is down with the reason when it refuses, also a reason that is only a code', async () => {
    const failing = (error: Error): Probe => new Probe(() => Promise.reject(error), 1_000);
    expect(await failing(new Error('connection lost')).status()).toEqual({
      status: 'down',
      reason: 'connection lost',
    });
    const nameless = Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' });
    expect(await failing(nameless).status()).toEqual({ status: 'down', reason: 'ECONNREFUSED' });
  });

  it('is down when the part hangs, and does not ask again while the question is open', async () => {
    let askedCount = 0;
    let answer = (): void => undefined;
    const probe = new Probe(() => {
      askedCount++;
      return new Promise<void>((resolve) => {
        answer = resolve;
      });
    }, 1);
    const hanging = { status: 'down', reason: 'no answer within 1 ms' };
    expect(await probe.status()).toEqual(hanging);
    expect(await probe.status()).toEqual(hanging);
    expect(askedCount).toBe(1);
    answer();
    // The late answer ends the open question; the next one is a new one.
    await new Promise((resolve) => setImmediate(resolve));
    const asking = probe.status();
    expect(askedCount).toBe(2);
    answer();
    expect(await asking).toEqual({ status: 'up' });
  });
});
