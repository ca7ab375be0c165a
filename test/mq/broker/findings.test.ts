import { beforeEach, describe, expect, it } from '@jest/globals';
import { ConsumerManager } from '../../../mq/broker/consumer-manager.ts';
import { Findings } from '../../../mq/broker/findings.ts';
import { MissingTopics } from '../../../mq/broker/missing-topics.ts';
import { SharedClientIds } from '../../../mq/broker/shared-client-ids.ts';
import { decodeFindings, encodeFindings } from '../../../mq/protocol/finding.ts';
import type { MessageModel } from '../../../mq/protocol/heartbeat.ts';
import { tagSubscription, type SubscriptionData } from '../../../mq/protocol/subscription.ts';
import { FakeChannel } from '../../support/fake-channel.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

let clock: FakeClock;
let logger: RecordingLogger;
let findings: Findings;

beforeEach(() => {
  clock = new FakeClock();
  logger = new RecordingLogger();
  findings = new Findings({ clock, logger, maxCount: 3 });
});

const channelA = () => new FakeChannel('10.0.0.1:1111');
const channelB = () => new FakeChannel('10.0.0.2:2222');
const channelC = () => new FakeChannel('10.0.0.3:3333');

describe('a finding', () => {
  const seen = (subject: string, what = `${subject} is wrong`) =>
    findings.report({
      kind: 'TOPIC_NOT_EXIST',
      subject,
      what,
      advice: 'mend it',
      addresses: ['10.0.0.1:1111'],
    });

  it('is logged once, with the addresses and what to do, however often it is seen', () => {
    const startMs = clock.now();
    seen('a');
    clock.advance(30_000);
    seen('a', 'a is still wrong');
    expect(logger.entries).toEqual([
      {
        level: 'warn',
        message: 'a is wrong: mend it',
        fields: { finding: 'TOPIC_NOT_EXIST', addresses: '10.0.0.1:1111' },
      },
    ]);
    expect(findings.list()).toEqual([
      {
        kind: 'TOPIC_NOT_EXIST',
        subject: 'a',
        what: 'a is still wrong',
        advice: 'mend it',
        addresses: ['10.0.0.1:1111'],
        firstSeenAt: startMs,
        lastSeenAt: startMs + 30_000,
        seenCount: 2,
      },
    ]);
  });

  it('seen longest ago makes room for new ones', () => {
    for (const subject of ['a', 'b', 'c', 'a', 'd']) seen(subject);
    expect(findings.list().map(({ subject }) => subject)).toEqual(['d', 'a', 'c']);
  });

  it('keeps the beginning of what a peer calls at length', () => {
    seen('x'.repeat(100_000));
    const [finding] = findings.list();
    expect(finding?.subject).toBe(`${'x'.repeat(2_048)}… (100000 characters)`);
    expect(finding?.what).toBe(`${'x'.repeat(2_048)}… (100009 characters)`);
    seen('x'.repeat(100_000));
    expect(findings.list()).toHaveLength(1);
  });

  it('travels as JSON, with kinds that are not known here', () => {
    seen('a');
    expect(decodeFindings(encodeFindings(findings.list()))).toEqual(findings.list());
    const newer = Buffer.from(
      '{"findings":[{"kind":"NEW","subject":"s","what":"w","advice":"a","firstSeenAt":1,"lastSeenAt":2,"seenCount":3}]}',
    );
    expect(decodeFindings(newer)).toMatchObject([{ kind: 'NEW', addresses: [] }]);
  });
});

describe('members of one group', () => {
  let consumers: ConsumerManager;
  beforeEach(() => {
    consumers = new ConsumerManager({ clock, logger, findings, isNotifyEnabled: () => true });
  });

  function heartbeat(
    channel: FakeChannel,
    clientId: string,
    subscriptionDataSet: SubscriptionData[],
    messageModel: MessageModel = 'CLUSTERING',
  ): void {
    consumers.register(
      channel,
      { clientId, language: 'JAVA', version: 409 },
      {
        groupName: 'g',
        consumeType: 'CONSUME_PASSIVELY',
        messageModel,
        consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
        subscriptionDataSet,
        unitMode: false,
      },
    );
  }

  it('that want different tags are a finding, for as long as they do', () => {
    const [a, b] = [channelA(), channelB()];
    heartbeat(a, 'a', [tagSubscription('T', 'x', 1)]);
    expect(findings.list()).toEqual([]);
    heartbeat(b, 'b', [tagSubscription('T', 'y || z', 2)]);
    expect(findings.list()).toMatchObject([
      {
        kind: 'SUBSCRIPTIONS_DIFFER',
        subject: 'g T',
        what: 'consumers of group g subscribe to T differently: to x by a (10.0.0.1:1111); to y || z by b (10.0.0.2:2222)',
        addresses: ['10.0.0.1:1111', '10.0.0.2:2222'],
        seenCount: 1,
      },
    ]);
    heartbeat(a, 'a', [tagSubscription('T', 'x', 1)]);
    expect(findings.list()).toMatchObject([{ seenCount: 2 }]);
    heartbeat(a, 'a', [tagSubscription('T', 'z||y', 3)]);
    heartbeat(b, 'b', [tagSubscription('T', 'y || z', 2)]);
    expect(findings.list()).toMatchObject([{ seenCount: 2 }]);
  });

  it('that want different topics are a finding, and each keeps its own', () => {
    heartbeat(channelA(), 'a', [tagSubscription('T', '*', 1), tagSubscription('%RETRY%g', '*', 1)]);
    heartbeat(channelB(), 'b', [tagSubscription('U', '*', 2)]);
    expect(findings.list().map(({ subject, what }) => [subject, what])).toEqual([
      [
        'g U',
        'consumers of group g subscribe to U differently: not at all by a (10.0.0.1:1111); to * by b (10.0.0.2:2222)',
      ],
      [
        'g T',
        'consumers of group g subscribe to T differently: to * by a (10.0.0.1:1111); not at all by b (10.0.0.2:2222)',
      ],
    ]);
    expect([...consumers.get('g')!.subscriptions.keys()]).toEqual(['T', '%RETRY%g', 'U']);
  });

  it('are in dispute for a minute more when one is lost, and no more when it has left or is back', () => {
    const isInDispute = (topic = 'T'): boolean => consumers.isInDispute('g', topic);
    const [a, b] = [channelA(), channelB()];
    const joinA = (): void =>
      heartbeat(a, 'a', [tagSubscription('T', 'x', 1), tagSubscription('U', '*', 1)]);
    const joinB = (channel = b, tag = 'y'): void =>
      heartbeat(channel, 'b', [tagSubscription('T', tag, 2), tagSubscription('U', '*', 1)]);
    joinA();
    expect(isInDispute()).toBe(false);
    joinB();
    expect([isInDispute(), isInDispute('U')]).toEqual([true, false]);
    consumers.unregister('g', b);
    expect(isInDispute()).toBe(false);

    joinB();
    consumers.channelGone(b);
    clock.advance(59_999);
    const memberA = consumers.get('g')!.members.get(a)!;
    expect(consumers.wantedBeside(memberA, 'g', 'T').map(({ subString }) => subString)).toEqual([
      'y',
    ]);
    expect([isInDispute(), isInDispute('U')]).toEqual([true, false]);
    clock.advance(1);
    expect([isInDispute(), consumers.wantedBeside(memberA, 'g', 'T')]).toEqual([false, []]);

    // Both are cut off; whoever is back first meets what the other wants.
    joinB();
    consumers.channelGone(a);
    consumers.channelGone(b);
    joinA();
    consumers.dropSilent(-Infinity);
    expect([isInDispute(), isInDispute('U')]).toEqual([true, false]);
    joinB(b, 'x');
    expect(isInDispute()).toBe(false);

    // Its new connection is there before the old one is known to be gone.
    joinB();
    joinB(channelC(), 'x');
    consumers.channelGone(b);
    expect(isInDispute()).toBe(false);
  });

  it('of which one broadcasts are a finding', () => {
    heartbeat(channelA(), 'a', [tagSubscription('T', '*', 1)]);
    heartbeat(channelB(), 'b', [tagSubscription('T', '*', 2)], 'BROADCASTING');
    expect(findings.list()).toMatchObject([
      {
        subject: 'g',
        what: 'consumers of group g consume in different ways: CLUSTERING by a (10.0.0.1:1111); BROADCASTING by b (10.0.0.2:2222)',
      },
    ]);
  });

  it('fall back to the subscription of those who stay when the one with the newest leaves', () => {
    const [a, b] = [channelA(), channelB()];
    heartbeat(a, 'a', [tagSubscription('T', 'x', 1)]);
    heartbeat(b, 'b', [tagSubscription('T', 'y', 2)]);
    expect(consumers.get('g')!.subscriptions.get('T')).toMatchObject({ subString: 'y' });
    consumers.unregister('g', b);
    expect(consumers.get('g')!.subscriptions.get('T')).toMatchObject({ subString: 'x' });
    heartbeat(a, 'a', [tagSubscription('T', 'x', 1)]);
    expect(findings.list()).toMatchObject([{ seenCount: 1 }]);
  });

  it('are named three at most of each opinion', () => {
    const crowd = Array.from({ length: 6 }, (_, index) => new FakeChannel(`10.0.1.${index}:1`));
    for (const [index, channel] of crowd.entries()) {
      heartbeat(channel, `c${index}`, [tagSubscription('T', 'x', 1)]);
    }
    heartbeat(channelB(), 'b', [tagSubscription('T', 'y', 2)]);
    const [finding] = findings.list();
    expect(finding?.what).toContain('c2 (10.0.1.2:1) and 3 more; to y by b');
    expect(finding?.addresses).toHaveLength(4);
  });
});

describe('a clientId', () => {
  let ids: SharedClientIds;
  beforeEach(() => {
    ids = new SharedClientIds(findings, clock);
  });
  const heartbeats = (...channels: FakeChannel[]): void => {
    for (const channel of channels) ids.heartbeat('consumer', 'g', 'c@1', channel);
  };

  it('that two live clients take turns with is a finding', () => {
    const [a, b] = [channelA(), channelB()];
    heartbeats(a, b, a);
    expect(findings.list()).toEqual([]);
    heartbeats(b);
    expect(findings.list()).toMatchObject([
      {
        kind: 'CLIENT_ID_SHARED',
        subject: 'g c@1',
        what: 'two live consumers of group g have the clientId c@1: 10.0.0.1:1111 and 10.0.0.2:2222',
      },
    ]);
  });

  it('that comes over a new connection is none, although a heartbeat on the old one is late', () => {
    const connections = Array.from({ length: 20 }, channelA);
    for (const [index, next] of connections.slice(1).entries()) {
      const last = connections[index]!;
      heartbeats(last, next, last);
      last.destroy();
      heartbeats(next, next);
    }
    expect(findings.list()).toEqual([]);
  });

  it('may be that of a client in several groups and roles, on one connection each', () => {
    const [a, b] = [channelA(), channelB()];
    for (let round = 0; round < 5; round++) {
      ids.heartbeat('consumer', 'g', 'c@1', a);
      ids.heartbeat('consumer', 'h', 'c@1', b);
      ids.heartbeat('producer', 'g', 'c@1', b);
    }
    expect(findings.list()).toEqual([]);
  });

  it('of a client whose connections are lost without a word, one after the other, is none', () => {
    for (let count = 0; count < 20; count++) heartbeats(channelA());
    expect(findings.list()).toEqual([]);
  });

  it('that three live clients take turns with is one, too', () => {
    const [a, b, c] = [channelA(), channelB(), new FakeChannel('10.0.0.3:3333')];
    heartbeats(a, b, c, a);
    expect(findings.list()).toEqual([]);
    heartbeats(b);
    expect(findings.list()).toMatchObject([{ addresses: ['10.0.0.1:1111', '10.0.0.2:2222'] }]);
  });

  it('is forgotten with its connection, and when nothing has been heard of it', () => {
    const [a, b] = [channelA(), channelB()];
    heartbeats(a);
    ids.heartbeat('producer', 'h', 'c@1', b);
    a.destroy();
    ids.forgetSilent(clock.monotonicMs() - 1);
    expect(ids.size).toBe(1);
    clock.advance(1_000);
    ids.heartbeat('producer', 'h', 'c@1', b);
    ids.forgetSilent(clock.monotonicMs() - 1);
    expect(ids.size).toBe(1);
    ids.forgetSilent(clock.monotonicMs());
    expect(ids.size).toBe(0);
  });
});

describe('a topic that a group subscribes to', () => {
  let isOnAnyBroker: boolean | undefined;
  let asked: string[];
  let topics: MissingTopics;
  beforeEach(() => {
    isOnAnyBroker = false;
    asked = [];
    topics = new MissingTopics({
      clock,
      findings,
      hasTopic: (topic) => topic === 'Here',
      isOnAnyBroker: (topic) => {
        asked.push(topic);
        return Promise.resolve(isOnAnyBroker);
      },
    });
  });
  const heartbeat = (...names: string[]) =>
    topics.heartbeat(
      'g',
      channelA(),
      'c@1',
      names.map((topic) => tagSubscription(topic, '*', 1)),
    );

  it('and that is still missing at the next heartbeat is a finding', async () => {
    await heartbeat('Here', 'Mistyped', '%RETRY%g', '%DLQ%h');
    expect(findings.list()).toEqual([]);
    clock.advance(30_000);
    await heartbeat('Here', 'Mistyped');
    expect(asked).toEqual(['Mistyped', 'Mistyped']);
    expect(findings.list()).toMatchObject([
      {
        kind: 'TOPIC_NOT_EXIST',
        subject: 'g Mistyped',
        what: 'group g subscribes to topic Mistyped, which no broker has: c@1 (10.0.0.1:1111)',
        addresses: ['10.0.0.1:1111'],
      },
    ]);
  });

  it('and that is created meanwhile, or on another broker, is none', async () => {
    await heartbeat('Late');
    isOnAnyBroker = true;
    clock.advance(30_000);
    await heartbeat('Late');
    clock.advance(30_000);
    await heartbeat('Late');
    expect(findings.list()).toEqual([]);
  });

  it('is not asked for when it is longer than any topic’s name', async () => {
    await heartbeat('x'.repeat(256));
    expect(asked).toEqual([]);
  });

  it('is none while no name server can say', async () => {
    isOnAnyBroker = undefined;
    for (let round = 0; round < 4; round++) {
      await heartbeat('T');
      clock.advance(30_000);
    }
    expect(findings.list()).toEqual([]);
  });

  it('is asked about once in 10 s, however many clients there are', async () => {
    for (let client = 0; client < 50; client++) await heartbeat('T');
    expect(asked).toHaveLength(1);
    clock.advance(10_000);
    for (let client = 0; client < 50; client++) await heartbeat('T');
    expect(asked).toHaveLength(2);
    expect(findings.list()).toMatchObject([{ seenCount: 50 }]);
  });

  it('is not asked about without bounds', async () => {
    await heartbeat(...Array.from({ length: 5_000 }, (_, index) => `T${index}`));
    expect(asked).toHaveLength(100);
  });
});
