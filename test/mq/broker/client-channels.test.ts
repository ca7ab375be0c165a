import { describe, expect, it } from '@jest/globals';
import { ClientChannels } from '../../../mq/broker/client-channels.ts';
import { ConsumerManager } from '../../../mq/broker/consumer-manager.ts';
import { Findings } from '../../../mq/broker/findings.ts';
import { ProducerManager } from '../../../mq/broker/producer-manager.ts';
import { QueueLocks } from '../../../mq/broker/queue-locks.ts';
import { SharedClientIds } from '../../../mq/broker/shared-client-ids.ts';
import { silentLogger } from '../../../mq/logger.ts';
import type { ConsumerData } from '../../../mq/protocol/heartbeat.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { tagSubscription } from '../../../mq/protocol/subscription.ts';
import { FakeChannel } from '../../support/fake-channel.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function setUp({ isNotifyEnabled = true } = {}) {
  const clock = new FakeClock();
  const findings = new Findings({ clock, logger: silentLogger });
  const consumers = new ConsumerManager({
    clock,
    logger: silentLogger,
    findings,
    isNotifyEnabled: () => isNotifyEnabled,
  });
  const producers = new ProducerManager(clock);
  const queueLocks = new QueueLocks(clock);
  const channels = new ClientChannels({
    consumers,
    producers,
    queueLocks,
    sharedClientIds: new SharedClientIds(findings, clock),
    clock,
    logger: silentLogger,
  });
  const join = (channel: FakeChannel, clientId: string, consumer = consumerOf()): void => {
    consumers.register(channel, identity(clientId), consumer);
    channels.watch(channel);
  };
  const produce = (channel: FakeChannel, clientId: string, group = 'pg'): void => {
    producers.register(group, channel, identity(clientId));
    channels.watch(channel);
  };
  return { clock, consumers, producers, queueLocks, channels, join, produce };
}

const identity = (clientId: string) => ({ clientId, language: 'JAVA' as const, version: 409 });

function consumerOf(
  topics: Record<string, string> = { TopicA: '*' },
  subVersion = 1,
): ConsumerData {
  return {
    groupName: 'cg',
    consumeType: 'CONSUME_PASSIVELY',
    messageModel: 'CLUSTERING',
    consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
    subscriptionDataSet: Object.entries(topics).map(([topic, expression]) =>
      tagSubscription(topic, expression, subVersion),
    ),
    unitMode: false,
  };
}

/** Takes the notifications sent so far; each must be a oneway to be, naming the group. */
function notifications(channel: FakeChannel): number {
  const sent = channel.sent.splice(0);
  for (const { code, extFields } of sent) {
    expect([code, extFields]).toEqual([
      RequestCode.NOTIFY_CONSUMER_IDS_CHANGED,
      { consumerGroup: 'cg' },
    ]);
  }
  return sent.length;
}

describe('the members of a consumer group', () => {
  it('are all told when one joins, the new one included', () => {
    const { join, consumers } = setUp();
    const [one, two] = [new FakeChannel(), new FakeChannel()];
    join(one, 'c1');
    expect(notifications(one)).toBe(1);
    join(two, 'c2');
    expect([notifications(one), notifications(two)]).toEqual([1, 1]);
    expect(consumers.clientIds('cg')).toEqual(['c1', 'c2']);
  });

  it('are not told of a heartbeat that changes nothing', () => {
    const { join } = setUp();
    const channel = new FakeChannel();
    join(channel, 'c1');
    notifications(channel);
    join(channel, 'c1');
    expect(notifications(channel)).toBe(0);
  });

  it('are told when the group subscribes to more topics or fewer, not when tags change', () => {
    const { join, consumers } = setUp();
    const channel = new FakeChannel();
    join(channel, 'c1');
    notifications(channel);
    join(channel, 'c1', consumerOf({ TopicA: '*', TopicB: '*' }, 2));
    expect(notifications(channel)).toBe(1);
    join(channel, 'c1', consumerOf({ TopicA: 'TagA', TopicB: '*' }, 3));
    expect(notifications(channel)).toBe(0);
    expect(consumers.get('cg')?.subscriptions.get('TopicA')?.subString).toBe('TagA');
    join(channel, 'c1', consumerOf({ TopicA: 'TagA' }, 3));
    expect(notifications(channel)).toBe(1);
    expect([...consumers.get('cg')!.subscriptions.keys()]).toEqual(['TopicA']);
  });

  it('are told when one leaves or loses its connection; the last one ends the group', () => {
    const { join, consumers } = setUp();
    const [one, two, three] = [new FakeChannel(), new FakeChannel(), new FakeChannel()];
    join(one, 'c1');
    join(two, 'c2');
    join(three, 'c3');
    for (const channel of [one, two, three]) notifications(channel);
    consumers.unregister('cg', one);
    expect([notifications(one), notifications(two), notifications(three)]).toEqual([0, 1, 1]);
    two.destroy();
    expect([notifications(two), notifications(three)]).toEqual([0, 1]);
    three.destroy();
    expect(consumers.get('cg')).toBeUndefined();
    expect(consumers.clientIds('cg')).toEqual([]);
  });

  it('are told nothing when the group does not want it', () => {
    const { join } = setUp({ isNotifyEnabled: false });
    const channel = new FakeChannel();
    join(channel, 'c1');
    expect(notifications(channel)).toBe(0);
  });

  it('count once when a client is back before its old connection is known to be dead', () => {
    const { join, consumers } = setUp();
    const [old, fresh] = [new FakeChannel(), new FakeChannel()];
    join(old, 'c1');
    join(fresh, 'c1');
    expect(consumers.clientIds('cg')).toEqual(['c1']);
    old.destroy();
    expect(consumers.clientIds('cg')).toEqual(['c1']);
  });

  it('overwrite one another’s subscription by the larger subVersion only', () => {
    const { join, consumers } = setUp();
    join(new FakeChannel(), 'c1', consumerOf({ TopicA: 'new' }, 5));
    join(new FakeChannel(), 'c2', consumerOf({ TopicA: 'old' }, 4));
    expect(consumers.get('cg')?.subscriptions.get('TopicA')?.subString).toBe('new');
  });
});

describe('a client that falls silent', () => {
  it('is dropped after 120 s, and its connection closed', () => {
    const { clock, channels, consumers, join } = setUp();
    channels.start();
    const [silent, alive] = [new FakeChannel(), new FakeChannel()];
    join(silent, 'c1');
    join(alive, 'c2');
    notifications(alive);
    clock.advance(100_000);
    join(alive, 'c2');
    clock.advance(10_000);
    expect(consumers.clientIds('cg')).toEqual(['c1', 'c2']);
    clock.advance(10_000);
    expect(consumers.clientIds('cg')).toEqual(['c2']);
    expect([silent.isOpen, alive.isOpen]).toEqual([false, true]);
    expect(notifications(alive)).toBe(1);
  });

  it('keeps the connection that another of its groups is alive on', () => {
    const { clock, channels, consumers, producers, join, produce } = setUp();
    const channel = new FakeChannel();
    join(channel, 'c1');
    produce(channel, 'c1');
    clock.advance(120_000);
    produce(channel, 'c1');
    channels.scan();
    expect(consumers.clientIds('cg')).toEqual([]);
    expect(producers.members('pg')).toHaveLength(1);
    expect(channel.isOpen).toBe(true);
  });

  it('is dropped as a producer too', () => {
    const { clock, channels, producers, produce } = setUp();
    const channel = new FakeChannel();
    produce(channel, 'p1');
    clock.advance(120_000);
    channels.scan();
    expect(producers.members('pg')).toEqual([]);
    expect(channel.isOpen).toBe(false);
  });

  it('has its expired queue locks forgotten by the same scan', () => {
    const { clock, channels, queueLocks } = setUp();
    queueLocks.lock('cg', 'c1', [{ topic: 'TopicA', brokerName: 'broker-a', queueId: 0 }]);
    channels.start();
    clock.advance(60_000);
    expect(queueLocks.leaseCount).toBe(0);
    channels.close();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a producer', () => {
  it('is a member until it unregisters or its connection closes', () => {
    const { producers, produce } = setUp();
    const [one, two] = [new FakeChannel(), new FakeChannel()];
    produce(one, 'p1');
    produce(one, 'p1', 'pg2');
    produce(two, 'p2');
    producers.unregister('pg', two);
    expect(producers.members('pg').map(({ clientId }) => clientId)).toEqual(['p1']);
    one.destroy();
    expect([producers.members('pg'), producers.members('pg2')]).toEqual([[], []]);
  });
});

describe('a producer', () => {
  it('is found by its clientId, whatever group it is in, on the connection it used last', () => {
    const { producers, produce } = setUp();
    const [one, two] = [new FakeChannel(), new FakeChannel()];
    produce(one, 'p@1', 'a');
    produce(one, 'p@1', 'b');
    producers.unregister('a', one);
    expect(producers.find('p@1')).toBe(one);
    produce(two, 'p@1', 'a');
    expect(producers.find('p@1')).toBe(two);
    two.destroy();
    expect(producers.find('p@1')).toBeUndefined();
    produce(one, 'p@1', 'b');
    expect(producers.find('p@1')).toBe(one);
  });

  it('is not found by a name that it no longer has', () => {
    const { producers, produce } = setUp();
    const channel = new FakeChannel();
    for (let count = 0; count < 100; count++) produce(channel, `p@${count}`);
    expect(producers.find('p@0')).toBeUndefined();
    expect(producers.find('p@99')).toBe(channel);
    producers.unregister('pg', channel);
    expect(producers.find('p@99')).toBeUndefined();
  });
});
