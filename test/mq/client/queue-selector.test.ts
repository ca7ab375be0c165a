import { describe, expect, it } from '@jest/globals';
import type { MessageQueue } from '../../../mq/protocol/message-queue.ts';
import { QueueSelector } from '../../../mq/client/queue-selector.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function queuesOn(brokerName: string, count: number): MessageQueue[] {
  return Array.from({ length: count }, (_, queueId) => ({ topic: 'T', brokerName, queueId }));
}

const a = queuesOn('broker-a', 2);
const b = queuesOn('broker-b', 2);

describe('queue selector', () => {
  it('takes the queues in turn', () => {
    const selector = new QueueSelector(new FakeClock());
    const picked = Array.from({ length: 8 }, () => selector.next('T', [...a, ...b]));
    for (const queue of [...a, ...b]) {
      expect(picked.filter((other) => other === queue)).toHaveLength(2);
    }
  });

  it('goes to another broker than the one the message just failed on', () => {
    const selector = new QueueSelector(new FakeClock());
    for (let turn = 0; turn < 8; turn++) {
      expect(selector.next('T', [...a, ...b], 'broker-a')?.brokerName).toBe('broker-b');
    }
  });

  it('takes the failed broker when there is no other', () => {
    const selector = new QueueSelector(new FakeClock());
    expect(selector.next('T', a, 'broker-a')?.brokerName).toBe('broker-a');
    expect(selector.next('T', [])).toBeUndefined();
  });

  it('avoids a failed broker for a second, longer when it fails again, and until it succeeds at most', () => {
    const clock = new FakeClock();
    const selector = new QueueSelector(clock);
    selector.failed('broker-a');
    for (let turn = 0; turn < 4; turn++) {
      expect(selector.next('T', [...a, ...b])?.brokerName).toBe('broker-b');
    }
    clock.advance(1000);
    expect(selector.isAvoided('broker-a')).toBe(false);
    selector.failed('broker-a');
    clock.advance(1999);
    expect(selector.isAvoided('broker-a')).toBe(true);
    selector.succeeded('broker-a');
    expect(selector.isAvoided('broker-a')).toBe(false);
  });

  it('prefers an avoided broker to the one the message just failed on', () => {
    const selector = new QueueSelector(new FakeClock());
    selector.failed('broker-b');
    expect(selector.next('T', [...a, ...b], 'broker-a')?.brokerName).toBe('broker-b');
  });
});
