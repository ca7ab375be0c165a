import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  allocateByConfig,
  allocateByMachineRoom,
  allocateStrategies,
  allocationInput,
  type AllocateMessageQueueStrategy,
  type AllocateStrategyName,
} from '../../../mq/client/allocate.ts';
import { allocateStrategy } from '../../../mq/client/allocation.ts';
import { queueKey, type MessageQueue } from '../../../mq/protocol/message-queue.ts';
import { readGoldens, type GoldenMaker } from '../../support/goldens.ts';
import { plays } from '../../support/plays.ts';

function queues(count: number, brokerName = 'broker-a', topic = 'T'): MessageQueue[] {
  return Array.from({ length: count }, (_, queueId) => ({ topic, brokerName, queueId }));
}

type Strategy = AllocateStrategyName | AllocateMessageQueueStrategy;

function owned(
  strategy: Strategy,
  clientId: string,
  all: readonly MessageQueue[],
  members: readonly string[],
): readonly MessageQueue[] {
  const allocate = typeof strategy === 'function' ? strategy : allocateStrategies[strategy];
  return allocate(allocationInput('g', clientId, all, members));
}

const ids = (chosen: readonly MessageQueue[]): number[] => chosen.map(({ queueId }) => queueId);

describe('AVG allocation', () => {
  it('deals contiguous runs, the first members getting one more', () => {
    const members = ['c', 'a', 'b'];
    expect(ids(owned('AVG', 'a', queues(8), members))).toEqual([0, 1, 2]);
    expect(ids(owned('AVG', 'b', queues(8), members))).toEqual([3, 4, 5]);
    expect(ids(owned('AVG', 'c', queues(8), members))).toEqual([6, 7]);
  });

  it('leaves members without a queue when there are more members than queues', () => {
    expect(owned('AVG', 'b', queues(2), ['a', 'b', 'c'])).toHaveLength(1);
    expect(owned('AVG', 'c', queues(2), ['a', 'b', 'c'])).toHaveLength(0);
  });

  it('sorts queue ids as numbers and broker names as text', () => {
    const both = [...queues(11, 'broker-b'), ...queues(11, 'broker-a')];
    const own = owned('AVG', 'a', both, ['a']).map(queueKey);
    expect(own[2]).toBe('T@broker-a@2');
    expect(own[10]).toBe('T@broker-a@10');
    expect(own[11]).toBe('T@broker-b@0');
  });
});

it('refuses the name of a strategy that there is not, with those there are', () => {
  expect(() => allocateStrategy('ROUND_ROBIN' as never)).toThrow(
    'allocateMessageQueueStrategy is ROUND_ROBIN, it must be a function or one of AVG, AVG_BY_CIRCLE, CONSISTENT_HASH',
  );
});

it('deals one queue at a time with AVG_BY_CIRCLE', () => {
  const members = ['b', 'a', 'c'];
  expect(ids(owned('AVG_BY_CIRCLE', 'a', queues(8), members))).toEqual([0, 3, 6]);
  expect(ids(owned('AVG_BY_CIRCLE', 'c', queues(8), members))).toEqual([2, 5]);
});

describe('CONFIG allocation', () => {
  const own = queues(4).slice(1, 3);

  it('owns what it was given, as far as that exists', () => {
    const strategy = allocateByConfig([...own, ...queues(9).slice(8), ...queues(1, 'broker-z')]);
    expect(owned(strategy, 'a', queues(4), ['a', 'b'])).toEqual(own);
    expect(owned(strategy, 'a', queues(4, 'broker-a', 'Other'), ['a', 'b'])).toEqual([]);
  });

  it.each(['%RETRY%g', '%DLQ%g'])('shares out %s, which nobody lists', (topic) => {
    const retries = queues(2, 'broker-a', topic);
    const strategy = allocateByConfig(own);
    expect(ids(owned(strategy, 'a', retries, ['a', 'b']))).toEqual([0]);
    expect(ids(owned(strategy, 'b', retries, ['a', 'b']))).toEqual([1]);
    const listing = allocateByConfig([...own, ...retries]);
    expect(ids(owned(listing, 'b', retries, ['a', 'b']))).toEqual([0, 1]);
  });
});

it('shares the queues of its machine rooms with MACHINE_ROOM', () => {
  const all = [...queues(3, 'hz1@broker-a'), ...queues(2, 'hz2@broker-b'), ...queues(2, 'broker')];
  const strategy = allocateByMachineRoom(['hz1']);
  expect(owned(strategy, 'a', all, ['a', 'b']).map(queueKey)).toEqual([
    'T@hz1@broker-a@0',
    'T@hz1@broker-a@2',
  ]);
  expect(owned(strategy, 'b', all, ['a', 'b']).map(queueKey)).toEqual(['T@hz1@broker-a@1']);
});

const everyStrategy: readonly [string, Strategy][] = [
  ['AVG', 'AVG'],
  ['AVG_BY_CIRCLE', 'AVG_BY_CIRCLE'],
  ['CONSISTENT_HASH', 'CONSISTENT_HASH'],
  ['MACHINE_ROOM', allocateByMachineRoom(['r1', 'r2'])],
];

describe.each(everyStrategy)('%s', (_name, strategy) => {
  it('gives a member nothing that the broker does not list', () => {
    expect(owned(strategy, 'x', queues(4, 'r1@broker-a'), ['a', 'b'])).toEqual([]);
  });

  it('gives every queue exactly one owner, whatever order and repetition the members see', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 16 }), { maxLength: 4 }),
        fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.nat()),
        (queueCounts, members, randomness) => {
          const shuffled = <T>(items: readonly T[]): T[] =>
            items
              .map((item) => ({ item, rank: randomness.next().value ?? 0 }))
              .toSorted((a, b) => a.rank - b.rank)
              .map(({ item }) => item);
          const all = queueCounts.flatMap((count, index) =>
            queues(count, `r${1 + (index % 2)}@b${index}`),
          );
          const owners = members.flatMap((member) =>
            owned(strategy, member, shuffled(all), shuffled([...members, members[0]!])).map(
              queueKey,
            ),
          );
          expect(owners.toSorted()).toEqual(all.map(queueKey).toSorted());
        },
      ),
      plays(),
    );
  });
});

it('moves no queue between members that stay when another joins or leaves, with CONSISTENT_HASH', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 2, maxLength: 12 }),
      fc.integer({ min: 1, max: 40 }),
      (members, queueCount) => {
        const [joining, ...before] = members;
        const ownersOf = (group: readonly string[]): Map<string, string> =>
          new Map(
            group.flatMap((member) =>
              owned('CONSISTENT_HASH', member, queues(queueCount), group).map(
                (queue) => [queueKey(queue), member] as const,
              ),
            ),
          );
        const earlier = ownersOf(before);
        for (const [queue, owner] of ownersOf(members)) {
          if (owner !== joining) expect(owner).toBe(earlier.get(queue));
        }
      },
    ),
    plays(),
  );
});

/** The input of Goldens.java's allocations. */
const goldenQueues = [...queues(5, 'broker-b', 'TopicA'), ...queues(12, 'broker-a', 'TopicA')];
const roomQueues = [
  ...queues(5, 'hz1@broker-a', 'TopicA'),
  ...queues(4, 'hz2@broker-b', 'TopicA'),
  ...queues(2, 'broker-c', 'TopicA'),
];
const goldenMembers = ['10.0.0.2@7#größe', '10.0.0.1@4711#99', '10.0.0.1@4711#100', '::1@DEFAULT'];
const goldenStrategies: readonly [string, Strategy, readonly MessageQueue[]][] = [
  ['AVG', 'AVG', goldenQueues],
  ['AVG_BY_CIRCLE', 'AVG_BY_CIRCLE', goldenQueues],
  ['CONSISTENT_HASH', 'CONSISTENT_HASH', goldenQueues],
  ['MACHINE_ROOM', allocateByMachineRoom(['hz1', 'hz2']), roomQueues],
];

describe.each<GoldenMaker>(['java-4.9.8', 'java-5.5.0'])('allocations as %s', (maker) => {
  const golden = readGoldens(maker);

  it.each(goldenStrategies)('%s', (name, strategy, all) => {
    const text = goldenMembers
      .map((member) => {
        const own = owned(strategy, member, all, goldenMembers);
        return `${member}: ${own.map((queue) => `${queue.brokerName}/${queue.queueId}`).join(' ')}`;
      })
      .join('\n');
    expect(text).toBe(golden(`allocation ${name}`).toString());
  });
});
