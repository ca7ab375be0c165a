import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { clusterQueues } from '../../../mq/broker/cluster-queues.ts';
import { assignedQueues } from '../../../mq/broker/queue-assignment.ts';
import { topicConfig } from '../../../mq/broker/topic-configs.ts';
import { queueKey, type MessageQueue } from '../../../mq/protocol/message-queue.ts';
import type { TopicRouteData } from '../../../mq/protocol/route.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { plays } from '../../support/plays.ts';

function queuesOf(count: number, brokerName = 'b1'): MessageQueue[] {
  return Array.from({ length: count }, (_, queueId) => ({ topic: 'T', brokerName, queueId }));
}

function share(
  clientId: string,
  consumerIds: readonly string[],
  queues: readonly MessageQueue[] | undefined,
  how: { mode?: 'PULL' | 'POP'; popShareQueueNum?: number; strategyName?: string } = {},
): string[] | undefined {
  const { mode = 'POP', popShareQueueNum = 0, strategyName = 'AVG' } = how;
  return assignedQueues({
    query: { topic: 'T', consumerGroup: 'g', clientId, strategyName, messageModel: 'CLUSTERING' },
    setting: { mode, popShareQueueNum },
    queues,
    consumerIds,
    isShared: true,
  })?.map(queueKey);
}

describe('the queues of one member', () => {
  it('of a group that pops are all of every broker', () => {
    const queues = [...queuesOf(4, 'b1'), ...queuesOf(2, 'b2')];
    expect(share('c1', ['c1', 'c2', 'c3'], queues)).toEqual(['T@b1@-1', 'T@b2@-1']);
  });

  it('are its own and those of as many others as the group says', () => {
    const ids = ['c1', 'c2', 'c3', 'c4'];
    expect(share('c1', ids, queuesOf(4), { popShareQueueNum: 1 })).toEqual(['T@b1@0', 'T@b1@1']);
    expect(share('c4', ids, queuesOf(4), { popShareQueueNum: 1 })).toEqual(['T@b1@3', 'T@b1@0']);
    // All of them come to the same.
    expect(share('c1', ids, queuesOf(4), { popShareQueueNum: 3 })).toEqual(['T@b1@-1']);
  });

  it('leave nobody without, though there are more members than queues', () => {
    const ids = ['c1', 'c2', 'c3', 'c4', 'c5'];
    const shares = ids.map((id) => share(id, ids, queuesOf(2), { popShareQueueNum: 1 }));
    expect(shares).toEqual([['T@b1@0'], ['T@b1@1'], ['T@b1@0'], ['T@b1@1'], ['T@b1@0']]);
  });

  it('to pull have one owner each', () => {
    const given = fc.record({
      queues: fc.integer({ min: 1, max: 20 }),
      members: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(
        given,
        fc.constantFrom('AVG', 'AVG_BY_CIRCLE'),
        ({ queues, members }, strategyName) => {
          const ids = Array.from({ length: members }, (_, index) => `c${index}`);
          const all = ids.flatMap((id) =>
            share(id, ids, queuesOf(queues), { mode: 'PULL', strategyName })!,
          );
          expect(all.toSorted()).toEqual(queuesOf(queues).map(queueKey).toSorted());
        },
      ),
      plays(),
    );
  });

  it('cannot be said without a member, a route, or a strategy that is known', () => {
    expect(share('c1', [], queuesOf(2))).toBeUndefined();
    expect(share('c1', ['c1'], undefined)).toBeUndefined();
    expect(share('c1', ['c1'], queuesOf(2), { strategyName: 'constructor' })).toBeUndefined();
    expect(share('c9', ['c1', 'c2', 'c3'], queuesOf(4), { popShareQueueNum: 1 })).toEqual([]);
  });
});

describe('the queues of a cluster', () => {
  const route = (readQueueNums: number): TopicRouteData => ({
    brokerDatas: [],
    queueDatas: [
      { brokerName: 'b1', readQueueNums, writeQueueNums: 9, perm: 6, topicSysFlag: 0 },
      { brokerName: 'b2', readQueueNums: 1, writeQueueNums: 1, perm: 2, topicSysFlag: 0 },
    ],
  });

  it('are believed for half a minute, and beyond while no name server answers', async () => {
    const clock = new FakeClock();
    let answer: TopicRouteData | 'unknown' | undefined = route(2);
    let asked = 0;
    const queues = clusterQueues({
      topics: { get: (topic) => (topic === 'T' ? topicConfig('T', 1, 6) : undefined) },
      brokerName: 'b1',
      routeOf: () => Promise.resolve((asked++, answer)),
      clock,
    });
    expect(await queues('T')).toEqual(queuesOf(2));
    answer = 'unknown';
    clock.advance(29_000);
    expect(await queues('T')).toEqual(queuesOf(2));
    expect(asked).toBe(1);
    clock.advance(2_000);
    expect(await queues('T')).toEqual(queuesOf(2));
    expect(asked).toBe(2);
    clock.advance(1_100);
    answer = route(3);
    expect(await queues('T')).toEqual(queuesOf(3));
    answer = undefined;
    clock.advance(31_000);
    // Nobody else has it: those of this broker.
    expect(await queues('T')).toEqual(queuesOf(1));
    expect(await queues('none')).toBeUndefined();
  });
});
