import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { SendLimit } from '../../../mq/client/send-limit.ts';
import { failure } from '../../support/failure.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { plays } from '../../support/plays.ts';

function limited(maxCount: number, maxBytes: number) {
  const clock = new FakeClock();
  const limit = new SendLimit({ clock, maxCount, maxBytes });
  const running: { name: string; bytes: number; end: (error?: Error) => void }[] = [];
  const begin = (name: string, bytes: number, timeoutMs = 1_000, signal?: AbortSignal) =>
    limit.run(
      'T',
      bytes,
      clock.monotonicMs() + timeoutMs,
      signal,
      () =>
        new Promise<string>((resolve, reject) => {
          const end = (error?: Error): void => {
            running.splice(running.indexOf(work), 1);
            if (error === undefined) resolve(name);
            else reject(error);
          };
          const work = { name, bytes, end };
          running.push(work);
        }),
    );
  const names = (): string[] => running.map(({ name }) => name);
  return { clock, limit, running, begin, names };
}

describe('the limit of sends under way', () => {
  it('lets so many through, and the others in their turn', async () => {
    const { begin, names, running } = limited(2, 1_000);
    const all = Promise.allSettled(['a', 'b', 'c', 'd'].map((name) => begin(name, 1)));
    expect(names()).toEqual(['a', 'b']);
    running[0]!.end();
    await settle();
    expect(names()).toEqual(['b', 'c']);
    running[0]!.end(new Error('a failed send makes room, too'));
    await settle();
    expect(names()).toEqual(['c', 'd']);
    while (running.length > 0) running[0]!.end();
    expect((await all).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
  });

  it('counts bytes, and does not let small ones pass a large one that waits', async () => {
    const { begin, names, running } = limited(10, 100);
    void begin('small', 60);
    void begin('large', 100);
    void begin('tiny', 1);
    expect(names()).toEqual(['small']);
    running[0]!.end();
    await settle();
    expect(names()).toEqual(['large']);
    running[0]!.end();
    await settle();
    expect(names()).toEqual(['tiny']);
  });

  it('gives back the bytes of each that ends, also beside others', async () => {
    const { begin, names, running } = limited(10, 100);
    void begin('long', 10);
    for (let round = 0; round < 20; round++) {
      void begin('short', 90);
      expect(names()).toEqual(['long', 'short']);
      running[1]!.end();
      await settle();
    }
  });

  it('lets a body that is larger than all of it go alone', async () => {
    const { begin, names, running } = limited(10, 100);
    void begin('huge', 500);
    void begin('tiny', 1);
    expect(names()).toEqual(['huge']);
    running[0]!.end();
    await settle();
    expect(names()).toEqual(['tiny']);
  });

  it('says with all numbers what there was no room in', async () => {
    const { clock, begin, limit } = limited(1, 100);
    void begin('a', 60);
    const refused = failure(begin('b', 7, 250));
    clock.advance(250);
    await expect(refused).resolves.toMatchObject({
      code: 'TOO_MUCH_REQUEST',
      retriable: true,
      message:
        'message for T of 7 bytes found no room for 250 ms: 1 sends are under way ' +
        '(backPressureForAsyncSendNum is 1), with 60 bytes (backPressureForAsyncSendSize is 100)',
      details: {
        stage: 'client in-flight limit',
        inFlight: 1,
        maxInFlight: 1,
        inFlightBytes: 60,
        maxInFlightBytes: 100,
        waiting: 1,
      },
    });
    expect(limit.waiting).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('lets the next one through when a large one that waited gives up', async () => {
    const { clock, begin, names } = limited(10, 100);
    void begin('small', 60);
    const large = failure(begin('large', 100, 100));
    void begin('tiny', 1);
    clock.advance(100);
    await expect(large).resolves.toMatchObject({ code: 'TOO_MUCH_REQUEST' });
    expect(names()).toEqual(['small', 'tiny']);
  });

  it('ends the wait of a caller that aborts it', async () => {
    const { clock, begin, names, running } = limited(1, 100);
    void begin('a', 1);
    const abort = new AbortController();
    const waiting = failure(begin('b', 1, 1_000, abort.signal));
    void begin('c', 1);
    abort.abort();
    await expect(waiting).resolves.toMatchObject({ code: 'REQUEST_ABORTED' });
    running[0]!.end();
    await settle();
    expect(names()).toEqual(['c']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('leaves nothing on a signal that outlives the wait', async () => {
    const { begin, names, running } = limited(1, 100);
    const { signal } = new AbortController();
    void begin('a', 1);
    void begin('b', 1, 1_000, signal);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    running[0]!.end();
    await settle();
    expect(names()).toEqual(['b']);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('never has more under way than it may, leaves nobody behind, and ends empty', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('send' as const), bytes: fc.integer({ min: 0, max: 150 }) }),
      fc.record({ kind: fc.constant('end' as const), bytes: fc.nat(20) }),
      fc.record({ kind: fc.constant('pass' as const), bytes: fc.integer({ min: 1, max: 600 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { clock, limit, running, begin } = limited(4, 100);
        const sends: Promise<unknown>[] = [];
        const check = (): void => {
          expect(running.length).toBeLessThanOrEqual(4);
          const bytes = running.reduce((sum, work) => sum + work.bytes, 0);
          if (running.length > 1) expect(bytes).toBeLessThanOrEqual(100);
          // Somebody who waits has a reason to.
          if (running.length === 0) expect(limit.waiting).toBe(0);
        };
        for (const { kind, bytes } of steps) {
          if (kind === 'send') sends.push(begin('x', bytes, 500).catch(() => undefined));
          else if (kind === 'end') running[bytes % Math.max(1, running.length)]?.end();
          else clock.advance(bytes);
          await Promise.resolve();
          await settle(1);
          check();
        }
        while (running.length > 0) {
          running[0]!.end();
          await settle(1);
        }
        await Promise.all(sends);
        expect(limit.waiting).toBe(0);
        expect(clock.pendingTimers).toBe(0);
      }),
      plays(50),
    );
  });
});
