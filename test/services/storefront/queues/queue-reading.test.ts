import { describe, expect, it } from '@jest/globals';
import { MqError, type GroupQueueProgress } from '../../../../services/common/mq.module.ts';
import { QueueReading } from '../../../../services/storefront/queues/queue-reading.ts';
import { shopGroups } from '../../../../services/storefront/queues/shop-groups.ts';

/** A broker of which a test says how far its groups are. */
class FakeAdmin {
  readonly progress = new Map<string, GroupQueueProgress[]>();
  readonly asked: string[] = [];
  redriven: number | undefined;
  hasFindings = true;

  set(group: string, topic: string, brokerOffset: number, consumerOffset: number): void {
    const messageQueue = { topic, brokerName: 'broker-a', queueId: 0 };
    const lag = brokerOffset - consumerOffset;
    const others = (this.progress.get(group) ?? []).filter(
      (each) => each.messageQueue.topic !== topic,
    );
    this.progress.set(group, [...others, { messageQueue, brokerOffset, consumerOffset, lag }]);
  }

  async groupProgress(group: string): Promise<GroupQueueProgress[]> {
    this.asked.push(group);
    return this.progress.get(group) ?? [];
  }

  async groupMembers(group: string): Promise<string[]> {
    return group === 'push-deliver' ? ['a', 'b'] : [];
  }

  async minOffset(): Promise<number> {
    return 2;
  }

  async queryConsumerOffset(): Promise<number | undefined> {
    return this.redriven;
  }

  async findings(): Promise<never[]> {
    if (this.hasFindings) return [];
    throw new MqError('REQUEST_CODE_NOT_SUPPORTED', 'no such request');
  }
}

describe('the queue side', () => {
  it('has rates by what has changed since the reading before, and counts retries to the backlog', async () => {
    const admin = new FakeAdmin();
    let nowMs = 0;
    const reading = new QueueReading(admin, () => nowMs);
    admin.set('push-deliver', 'NOTIFICATION_EVENTS', 10, 4);
    admin.set('push-deliver', '%RETRY%push-deliver', 3, 1);
    expect(await reading.backlog()).toBe(8);
    const first = await reading.all();
    expect(first.backlog).toBe(8);
    expect(first.groups.find(({ group }) => group === 'push-deliver')).toEqual({
      group: 'push-deliver',
      topic: 'NOTIFICATION_EVENTS',
      lag: 6,
      retries: 2,
      consumePerS: 0,
      members: 2,
      queues: [{ brokerName: 'broker-a', queueId: 0, brokerOffset: 10, consumerOffset: 4, lag: 6 }],
    });
    nowMs = 2_000;
    admin.set('push-deliver', 'NOTIFICATION_EVENTS', 30, 14);
    const second = await reading.all();
    expect(second.topics.find(({ topic }) => topic === 'NOTIFICATION_EVENTS')).toEqual({
      topic: 'NOTIFICATION_EVENTS',
      putPerS: 10,
      messages: 30,
      queues: 1,
    });
    expect(second.groups.find(({ group }) => group === 'push-deliver')?.consumePerS).toBe(5);
    reading.forget();
    nowMs = 100_000;
    admin.set('push-deliver', 'NOTIFICATION_EVENTS', 900, 900);
    const third = await reading.all();
    expect(third.topics.every(({ putPerS }) => putPerS === 0)).toBe(true);
  });

  it('asks once a group for the backlog, and for dead letters only every fifth time', async () => {
    const admin = new FakeAdmin();
    const reading = new QueueReading(admin, () => 0);
    await reading.backlog();
    expect(admin.asked).toHaveLength(shopGroups.length);
    admin.asked.length = 0;
    for (let round = 0; round < 5; round++) await reading.all();
    const ofDeadLetters = admin.asked.filter((group) => group.endsWith('-dlq'));
    expect(new Set(ofDeadLetters).size).toBe(ofDeadLetters.length);
    expect(admin.asked.length - ofDeadLetters.length).toBe(5 * shopGroups.length);
  });

  it('asks for dead letters with the next reading when some were given back', async () => {
    const admin = new FakeAdmin();
    const reading = new QueueReading(admin, () => 0);
    admin.set('push-deliver-dlq', '%DLQ%push-deliver', 9, 9);
    const waiting = async () => (await reading.all()).deadLetters[0]?.waiting;
    expect(await waiting()).toBe(7);
    admin.redriven = 9;
    expect(await waiting()).toBe(7);
    reading.hurry();
    expect(await waiting()).toBe(0);
  });

  it('counts the dead letters that are kept and were not given back', async () => {
    const admin = new FakeAdmin();
    admin.set('push-deliver-dlq', '%DLQ%push-deliver', 9, 8);
    admin.set('push-deliver-dlq', '%RETRY%push-deliver-dlq', 5, 3);
    const of = async () => (await new QueueReading(admin, () => 0).all()).deadLetters;
    expect(await of()).toEqual([{ group: 'push-deliver', waiting: 7, beingRetried: 3 }]);
    admin.redriven = 6;
    expect(await of()).toEqual([{ group: 'push-deliver', waiting: 3, beingRetried: 3 }]);
  });

  it('has no findings of a broker that keeps none', async () => {
    const admin = new FakeAdmin();
    admin.hasFindings = false;
    expect((await new QueueReading(admin, () => 0).all()).findings).toBeNull();
  });
});
