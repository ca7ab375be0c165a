import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  compareFaults,
  faultAfter,
  FaultTolerance,
  type BrokerEvent,
  type Fault,
} from '../../../mq/client/fault-tolerance.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { plays } from '../../support/plays.ts';

function tolerance({ sendLatencyFaultEnable = false, routed = ['a', 'b', 'c'] } = {}) {
  const clock = new FakeClock();
  const brokers = new Set(routed);
  const faults = new FaultTolerance({
    clock,
    sendLatencyFaultEnable,
    isRouted: (brokerName) => brokers.has(brokerName),
  });
  const answered = (brokerName: string, latencyMs: number): void =>
    faults.note(brokerName, { type: 'answered', startedMs: clock.monotonicMs() - latencyMs });
  const failed = (brokerName: string, startedMs = clock.monotonicMs()): void =>
    faults.note(brokerName, { type: 'failed', startedMs });
  return { clock, brokers, faults, answered, failed };
}

describe('fault tolerance', () => {
  it('avoids a failed broker for 1 s, for twice as long when it fails again, and for 30 s at most', () => {
    const { clock, faults, failed } = tolerance();
    for (const avoidanceMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      failed('a');
      clock.advance(avoidanceMs - 1);
      expect(faults.isAvoided('a')).toBe(true);
      clock.advance(1);
      expect(faults.isAvoided('a')).toBe(false);
    }
  });

  it('takes what fails together for one failure', () => {
    const { clock, faults, failed } = tolerance();
    clock.advance(10);
    for (let count = 0; count < 100; count++) failed('a', 5);
    clock.advance(1_000);
    expect(faults.isAvoided('a')).toBe(false);
  });

  it('gives a broker one try when its time is over, and the others none until that has ended', () => {
    const { clock, faults, failed, answered } = tolerance();
    failed('a');
    clock.advance(1_000);
    faults.note('a', { type: 'tried' });
    expect(faults.isAvoided('a')).toBe(true);
    answered('a', 10);
    expect(faults.isAvoided('a')).toBe(false);
    expect(faults.isEmpty).toBe(true);
  });

  it('gives another try when nothing has come of the first', () => {
    const { clock, faults, failed } = tolerance();
    failed('a');
    clock.advance(1_000);
    faults.note('a', { type: 'tried' });
    clock.advance(999);
    expect(faults.isAvoided('a')).toBe(true);
    clock.advance(1);
    expect(faults.isAvoided('a')).toBe(false);
  });

  it('does not mind slow answers unless told to', () => {
    const { faults, answered } = tolerance();
    answered('a', 20_000);
    expect(faults.isAvoided('a')).toBe(false);
  });

  it.each([
    [549, 0],
    [550, 2_000],
    [1_800, 5_000],
    [3_000, 6_000],
    [5_000, 10_000],
    [15_000, 30_000],
    [600_000, 30_000],
  ])('after an answer that took %i ms, avoids the broker for %i ms', (latencyMs, avoidanceMs) => {
    const { clock, faults, answered } = tolerance({ sendLatencyFaultEnable: true });
    answered('a', latencyMs);
    expect(faults.isAvoided('a')).toBe(avoidanceMs > 0);
    clock.advance(Math.max(0, avoidanceMs - 1));
    expect(faults.isAvoided('a')).toBe(avoidanceMs > 0);
    clock.advance(1);
    expect(faults.isAvoided('a')).toBe(false);
  });

  it('forgets a slow answer after a fast one', () => {
    const { faults, answered } = tolerance({ sendLatencyFaultEnable: true });
    answered('a', 5_000);
    answered('a', 5);
    expect(faults.isEmpty).toBe(true);
  });

  it('prefers the slow to the failed, the faster to the slower, and whose time is over first', () => {
    const { clock, faults, answered, failed } = tolerance({ sendLatencyFaultEnable: true });
    failed('a');
    clock.advance(500);
    failed('b');
    expect(faults.leastBad(['b', 'a'])).toBe('a');
    answered('c', 4_000);
    expect(faults.leastBad(['a', 'b', 'c'])).toBe('c');
    answered('b', 1_000);
    expect(faults.leastBad(['a', 'b', 'c'])).toBe('b');
    expect(faults.leastBad(['a', 'unknown'])).toBe('unknown');
    expect(faults.leastBad([])).toBeUndefined();
  });

  it('forgets brokers that left the routes', () => {
    const { brokers, faults, failed } = tolerance({ routed: [] });
    for (let count = 0; count < 1_000; count++) {
      brokers.clear();
      brokers.add(`broker-${count}`);
      failed(`broker-${count}`);
    }
    expect(faults.size).toBe(1);
  });
});

describe('what is held against a broker, for any events', () => {
  const events = fc.array(
    fc.record({
      passMs: fc.integer({ min: 0, max: 40_000 }),
      startedAgoMs: fc.integer({ min: 0, max: 40_000 }),
      type: fc.constantFrom('answered' as const, 'failed' as const, 'tried' as const),
    }),
    { maxLength: 30 },
  );

  it('never outlasts 30 s without an event, and a quick answer always clears it', () => {
    fc.assert(
      fc.property(events, fc.boolean(), (list, isLatencyCounted) => {
        let nowMs = 0;
        let fault: Fault | undefined;
        for (const { passMs, startedAgoMs, type } of list) {
          nowMs += passMs;
          const startedMs = nowMs - startedAgoMs;
          const event: BrokerEvent = type === 'tried' ? { type } : { type, startedMs };
          const before = fault;
          fault = faultAfter(fault, event, nowMs, isLatencyCounted);
          if (fault === undefined) continue;
          expect(fault.untilMs - nowMs).toBeLessThanOrEqual(30_000);
          expect(fault.avoidanceMs).toBeGreaterThanOrEqual(1_000);
          if (type === 'failed') expect(fault.hasFailed).toBe(true);
          if (type === 'tried') expect(before).toBeDefined();
          const quick = { type: 'answered', startedMs: nowMs } as const;
          expect(faultAfter(fault, quick, nowMs, isLatencyCounted)).toBeUndefined();
        }
      }),
      plays(),
    );
  });

  it('is ordered: comparing is antisymmetric and transitive', () => {
    const fault = fc.record({
      hasFailed: fc.boolean(),
      latencyMs: fc.integer({ min: 0, max: 3 }),
      sinceMs: fc.constant(0),
      untilMs: fc.integer({ min: 0, max: 3 }),
      avoidanceMs: fc.constant(1_000),
    });
    fc.assert(
      fc.property(fault, fault, fault, (a, b, c) => {
        expect(Math.sign(compareFaults(a, b)) + Math.sign(compareFaults(b, a))).toBe(0);
        if (compareFaults(a, b) <= 0 && compareFaults(b, c) <= 0) {
          expect(compareFaults(a, c)).toBeLessThanOrEqual(0);
        }
      }),
      plays(),
    );
  });
});
