import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { queueKey, type MessageQueue } from '../../../mq/protocol/message-queue.ts';
import {
  allocateStrategy,
  EVERYTHING,
  shareBy,
  type Allocation,
} from '../../../mq/client/allocation.ts';
import type { AllocateStrategyName } from '../../../mq/client/allocate.ts';
import { silentLogger } from '../../../mq/logger.ts';
import { Rebalance, type RebalanceEffect } from '../../../mq/client/rebalance.ts';
import { plays } from '../../support/plays.ts';

function queues(topic: string, count: number): MessageQueue[] {
  return Array.from({ length: count }, (_, queueId) => ({
    topic,
    brokerName: 'broker-a',
    queueId,
  }));
}

function sharing(clientId: string, strategy: AllocateStrategyName): Allocation {
  return shareBy(allocateStrategy(strategy), {
    consumerGroup: 'g',
    clientId,
    logger: silentLogger,
  });
}

const averagely = (clientId: string): Allocation => sharing(clientId, 'AVG');

function roundOf(effects: readonly RebalanceEffect[]): number {
  const asked = effects.find((effect) => effect.type === 'listConsumers');
  if (asked === undefined) throw new Error('nobody was asked');
  return asked.round;
}

function started(clientId = 'a', queueCount = 4): { rebalance: Rebalance; round: number } {
  const rebalance = new Rebalance(clientId, averagely(clientId));
  rebalance.handle({ type: 'subscribed', topic: 'T', queues: [] });
  const effects = rebalance.handle({
    type: 'routeChanged',
    topic: 'T',
    queues: queues('T', queueCount),
  });
  return { rebalance, round: roundOf(effects) };
}

describe('rebalance', () => {
  it('asks nobody while a topic has no route', () => {
    const rebalance = new Rebalance('a', averagely('a'));
    rebalance.handle({ type: 'subscribed', topic: 'T', queues: [] });
    expect(rebalance.handle({ type: 'due' })).toEqual([]);
  });

  it('asks about the queues a topic is known to have when it is subscribed to', () => {
    const rebalance = new Rebalance('a', averagely('a'));
    rebalance.handle({ type: 'subscribed', topic: 'T', queues: queues('T', 1) });
    const round = roundOf(rebalance.handle({ type: 'due' }));
    expect(
      rebalance.handle({ type: 'consumersListed', topic: 'T', round, consumerIds: ['a'] }),
    ).toEqual([{ type: 'take', queue: queues('T', 1)[0] }]);
  });

  it('takes its share, and releases what a new member gets', () => {
    const { rebalance, round } = started();
    expect(
      rebalance.handle({ type: 'consumersListed', topic: 'T', round, consumerIds: ['a'] }),
    ).toEqual(queues('T', 4).map((queue) => ({ type: 'take', queue })));
    const next = roundOf(rebalance.handle({ type: 'due' }));
    expect(
      rebalance.handle({
        type: 'consumersListed',
        topic: 'T',
        round: next,
        consumerIds: ['a', 'b'],
      }),
    ).toEqual(
      queues('T', 4)
        .slice(2)
        .map((queue) => ({ type: 'release', queue })),
    );
    expect(rebalance.owned()).toEqual(queues('T', 4).slice(0, 2));
  });

  it('ignores the answer to a question it has asked again since', () => {
    const { rebalance, round } = started();
    const later = roundOf(rebalance.handle({ type: 'due' }));
    expect(
      rebalance.handle({ type: 'consumersListed', topic: 'T', round, consumerIds: ['a'] }),
    ).toEqual([]);
    expect(
      rebalance.handle({ type: 'consumersListed', topic: 'T', round: later, consumerIds: ['a'] }),
    ).toHaveLength(4);
  });

  it('keeps its queues when the broker knows nobody, and says that it is here', () => {
    const { rebalance, round } = started();
    rebalance.handle({ type: 'consumersListed', topic: 'T', round, consumerIds: ['a'] });
    const next = roundOf(rebalance.handle({ type: 'due' }));
    expect(
      rebalance.handle({ type: 'consumersListed', topic: 'T', round: next, consumerIds: [] }),
    ).toEqual([{ type: 'announce' }]);
    expect(rebalance.owned()).toHaveLength(4);
  });

  it('gives its queues up to members that are listed without it, and says that it is here', () => {
    const { rebalance, round } = started();
    rebalance.handle({ type: 'consumersListed', topic: 'T', round, consumerIds: ['a'] });
    const next = roundOf(rebalance.handle({ type: 'due' }));
    const effects = rebalance.handle({
      type: 'consumersListed',
      topic: 'T',
      round: next,
      consumerIds: ['b'],
    });
    expect(effects.filter(({ type }) => type === 'release')).toHaveLength(4);
    expect(effects.at(-1)).toEqual({ type: 'announce' });
  });

  it('releases everything of a topic that is gone or no longer subscribed', () => {
    const gone = started();
    gone.rebalance.handle({
      type: 'consumersListed',
      topic: 'T',
      round: gone.round,
      consumerIds: ['a'],
    });
    expect(gone.rebalance.handle({ type: 'routeChanged', topic: 'T', queues: [] })).toHaveLength(4);
    expect(gone.rebalance.owned()).toEqual([]);

    const left = started();
    left.rebalance.handle({
      type: 'consumersListed',
      topic: 'T',
      round: left.round,
      consumerIds: ['a'],
    });
    expect(left.rebalance.handle({ type: 'unsubscribed', topic: 'T' })).toHaveLength(4);
    expect(left.rebalance.handle({ type: 'due' })).toEqual([]);
  });

  it('takes every queue and asks nobody when it owns everything', () => {
    const rebalance = new Rebalance('a', EVERYTHING);
    rebalance.handle({ type: 'subscribed', topic: 'T', queues: queues('T', 2) });
    expect(rebalance.handle({ type: 'due' })).toEqual(
      queues('T', 2).map((queue) => ({ type: 'take', queue })),
    );
    expect(rebalance.handle({ type: 'due' })).toEqual([]);
    expect(rebalance.handle({ type: 'routeChanged', topic: 'T', queues: queues('T', 3) })).toEqual([
      { type: 'take', queue: queues('T', 3)[2] },
    ]);
    expect(rebalance.handle({ type: 'routeChanged', topic: 'T', queues: [] })).toHaveLength(3);
    expect(rebalance.owned()).toEqual([]);
  });

  it('keeps its queues when the strategy fails', () => {
    let chosen = (): readonly MessageQueue[] => queues('T', 2);
    const allocation = shareBy(() => chosen(), {
      consumerGroup: 'g',
      clientId: 'a',
      logger: silentLogger,
    });
    const rebalance = new Rebalance('a', allocation);
    rebalance.handle({ type: 'subscribed', topic: 'T', queues: queues('T', 4) });
    const list = (): RebalanceEffect[] => {
      const round = roundOf(rebalance.handle({ type: 'due' }));
      return rebalance.handle({ type: 'consumersListed', topic: 'T', round, consumerIds: ['a'] });
    };
    expect(list()).toHaveLength(2);
    chosen = () => {
      throw new Error('no idea');
    };
    expect(list()).toEqual([]);
    chosen = () => queues('T', 5);
    expect(list()).toEqual([]);
    chosen = () => [];
    expect(list()).toEqual(queues('T', 2).map((queue) => ({ type: 'release', queue })));
  });

  it.each(['AVG', 'AVG_BY_CIRCLE', 'CONSISTENT_HASH'] as const)(
    'gives every queue exactly one owner once all members have seen the same (%s)',
    (strategy) => {
      const members = ['a', 'b', 'c', 'd'];
      const event = fc.record({
        member: fc.constantFrom(...members),
        kind: fc.constantFrom('list', 'route', 'due'),
        alive: fc.subarray(members),
        queueCount: fc.integer({ min: 0, max: 12 }),
      });
      fc.assert(
        fc.property(fc.array(event), fc.integer({ min: 1, max: 12 }), (events, finalCount) => {
          const group = new Map(
            members.map((id) => [
              id,
              { rebalance: new Rebalance(id, sharing(id, strategy)), round: 0 },
            ]),
          );
          const owned = new Map(members.map((id) => [id, new Set<string>()]));
          const apply = (id: string, effects: readonly RebalanceEffect[]): void => {
            for (const effect of effects) {
              if (effect.type === 'listConsumers') group.get(id)!.round = effect.round;
              if (effect.type === 'take') {
                expect(owned.get(id)!.has(queueKey(effect.queue))).toBe(false);
                owned.get(id)!.add(queueKey(effect.queue));
              }
              if (effect.type === 'release') {
                expect(owned.get(id)!.delete(queueKey(effect.queue))).toBe(true);
              }
            }
          };
          for (const id of members) {
            group.get(id)!.rebalance.handle({ type: 'subscribed', topic: 'T', queues: [] });
          }
          const list = (id: string, consumerIds: readonly string[]): void => {
            const { rebalance, round } = group.get(id)!;
            apply(
              id,
              rebalance.handle({ type: 'consumersListed', topic: 'T', round, consumerIds }),
            );
          };
          const route = (id: string, count: number): void => {
            const { rebalance } = group.get(id)!;
            apply(
              id,
              rebalance.handle({ type: 'routeChanged', topic: 'T', queues: queues('T', count) }),
            );
          };
          for (const { member, kind, alive, queueCount } of events) {
            if (kind === 'list') list(member, alive);
            else if (kind === 'route') route(member, queueCount);
            else apply(member, group.get(member)!.rebalance.handle({ type: 'due' }));
          }
          for (const id of members) route(id, finalCount);
          for (const id of members) list(id, members);
          const all = members.flatMap((id) => [...owned.get(id)!]);
          expect(all.toSorted()).toEqual(queues('T', finalCount).map(queueKey).toSorted());
        }),
        plays(),
      );
    },
  );
});
