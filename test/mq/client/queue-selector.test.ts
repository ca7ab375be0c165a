import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { MessageQueue } from '../../../mq/protocol/message-queue.ts';
import { FaultTolerance } from '../../../mq/client/fault-tolerance.ts';
import { QueueSelector } from '../../../mq/client/queue-selector.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { plays } from '../../support/plays.ts';

function queuesOn(brokerName: string, count: number): MessageQueue[] {
  return Array.from({ length: count }, (_, queueId) => ({ topic: 'T', brokerName, queueId }));
}

const a = queuesOn('broker-a', 2);
const b = queuesOn('broker-b', 2);
const c = queuesOn('broker-c', 2);

function selection() {
  const clock = new FakeClock();
  const faults = new FaultTolerance({
    clock,
    sendLatencyFaultEnable: true,
    isRouted: () => true,
  });
  const selector = new QueueSelector(faults);
  const fail = (brokerName: string): void =>
    faults.note(brokerName, { type: 'failed', startedMs: clock.monotonicMs() });
  const brokersOf = (
    count: number,
    queues: readonly MessageQueue[],
    failedOn?: readonly string[],
  ): string[] =>
    Array.from({ length: count }, () => selector.next('T', queues, failedOn)!.brokerName);
  return { clock, faults, selector, fail, brokersOf };
}

describe('queue selector', () => {
  it('takes the queues in turn', () => {
    const { selector } = selection();
    const picked = Array.from({ length: 8 }, () => selector.next('T', [...a, ...b]));
    for (const queue of [...a, ...b]) {
      expect(picked.filter((other) => other === queue)).toHaveLength(2);
    }
  });

  it('shares out evenly what a broker to be avoided does not get', () => {
    const { selector, fail } = selection();
    fail('broker-a');
    const picked = Array.from({ length: 80 }, () => selector.next('T', [...a, ...b, ...c]));
    for (const queue of [...b, ...c]) {
      expect(picked.filter((other) => other === queue)).toHaveLength(20);
    }
  });

  it('goes to another broker than those the message has failed on, then to another than the last', () => {
    const { brokersOf } = selection();
    const all = [...a, ...b, ...c];
    expect(new Set(brokersOf(8, all, ['broker-a']))).toEqual(new Set(['broker-b', 'broker-c']));
    expect(new Set(brokersOf(8, all, ['broker-a', 'broker-b']))).toEqual(new Set(['broker-c']));
    const failedOnAll = ['broker-a', 'broker-b', 'broker-c'];
    expect(new Set(brokersOf(8, all, failedOnAll))).toEqual(new Set(['broker-a', 'broker-b']));
  });

  it('takes the failed broker when there is no other', () => {
    const { selector } = selection();
    expect(selector.next('T', a, ['broker-a'])?.brokerName).toBe('broker-a');
    expect(selector.next('T', [])).toBeUndefined();
  });

  it('sends one message to a broker whose time is over, and the next ones again when it has answered', () => {
    const { clock, faults, fail, brokersOf } = selection();
    fail('broker-a');
    expect(brokersOf(4, [...a, ...b])).not.toContain('broker-a');
    clock.advance(1_000);
    const tries = brokersOf(8, [...a, ...b]).filter((brokerName) => brokerName === 'broker-a');
    expect(tries).toHaveLength(1);
    faults.note('broker-a', { type: 'answered', startedMs: clock.monotonicMs() });
    expect(brokersOf(4, [...a, ...b])).toContain('broker-a');
  });

  it('prefers an avoided broker to the one the message just failed on', () => {
    const { fail, brokersOf } = selection();
    fail('broker-b');
    expect(brokersOf(1, [...a, ...b], ['broker-a'])).toEqual(['broker-b']);
  });

  it('takes the least bad when all are to be avoided', () => {
    const { clock, faults, fail, brokersOf } = selection();
    fail('broker-a');
    fail('broker-b');
    faults.note('broker-c', { type: 'answered', startedMs: clock.monotonicMs() - 2_000 });
    expect(brokersOf(2, [...a, ...b, ...c])).toEqual(['broker-c', 'broker-c']);
  });

  it('always finds a queue if there is one, and a better one than the broker that just failed if there is one', () => {
    const brokers = ['broker-a', 'broker-b', 'broker-c'];
    const some = fc.array(fc.constantFrom(...brokers), { maxLength: 4 });
    fc.assert(
      fc.property(fc.subarray([...a, ...b, ...c]), some, some, (queues, failing, failedOn) => {
        const { selector, fail } = selection();
        for (const brokerName of failing) fail(brokerName);
        const queue = selector.next('T', queues, failedOn);
        expect(queue === undefined).toBe(queues.length === 0);
        if (queue === undefined) return;
        expect(queues).toContain(queue);
        const others = queues.filter(({ brokerName }) => brokerName !== failedOn.at(-1));
        if (others.length > 0) expect(others).toContain(queue);
      }),
      plays(),
    );
  });
});
