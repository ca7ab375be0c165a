import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { PropertyFilter } from '../../../mq/protocol/filter/property-filter.ts';
import { HeldPulls, type HeldPull, type QueueArrival } from '../../../mq/broker/held-pulls.ts';
import { plays } from '../../support/plays.ts';

const RECHECK_MS = 5_000;
const owner = { name: 'a connection' };

function pullOf(fields: Partial<HeldPull> = {}): HeldPull {
  return {
    topic: 'TopicA',
    queueId: 0,
    queueOffset: 10,
    tagsCodes: undefined,
    deadlineMs: 15_000,
    owner,
    ...fields,
  };
}

function arrivalOf(fields: Partial<QueueArrival> = {}): QueueArrival {
  return { topic: 'TopicA', queueId: 0, queueOffset: 10, tagsCode: 0, ...fields };
}

const filtered = new PropertyFilter('n > 5');

function holding(...pulls: HeldPull[]): HeldPulls<HeldPull> {
  const held = new HeldPulls<HeldPull>(RECHECK_MS);
  for (const pull of pulls) held.hold(pull, 0);
  return held;
}

describe('an arrival', () => {
  it('is looked at by the filter of whoever waits with one', () => {
    const [wanting, other] = [pullOf({ filter: filtered }), pullOf({ tagsCodes: new Set([7]) })];
    const held = holding(wanting, other);
    expect(held.arrived(arrivalOf({ propertiesString: 'n\u00015' }))).toEqual([]);
    expect(held.arrived(arrivalOf())).toEqual([]);
    expect(held.arrived(arrivalOf({ propertiesString: 'a\u0001b\u0002n\u00016' }))).toEqual([
      wanting,
    ]);
    expect(held.size).toBe(1);
  });

  it('lets go every pull that waits for it in its queue, and no other', () => {
    const first = pullOf();
    const second = pullOf({ queueOffset: 9 });
    const elsewhere = pullOf({ queueId: 1 });
    const otherTopic = pullOf({ topic: 'TopicB' });
    const held = holding(first, second, elsewhere, otherTopic);
    expect(held.arrived(arrivalOf())).toEqual([first, second]);
    expect(held.size).toBe(2);
  });

  it('lets a pull go only once', () => {
    const held = holding(pullOf());
    expect(held.arrived(arrivalOf())).toHaveLength(1);
    expect(held.arrived(arrivalOf({ queueOffset: 11 }))).toEqual([]);
    expect(held.expired(1e9)).toEqual([]);
    expect(held.ownerGone(owner)).toEqual([]);
  });

  it('leaves a pull that wants a later entry', () => {
    const held = holding(pullOf({ queueOffset: 11 }));
    expect(held.arrived(arrivalOf({ queueOffset: 10 }))).toEqual([]);
    expect(held.arrived(arrivalOf({ queueOffset: 11 }))).toHaveLength(1);
  });

  it('leaves a pull whose tags do not match', () => {
    const held = holding(pullOf({ tagsCodes: new Set([2598919]) }));
    expect(held.arrived(arrivalOf({ tagsCode: 2598920 }))).toEqual([]);
    expect(held.arrived(arrivalOf({ queueOffset: 11, tagsCode: 2598919 }))).toHaveLength(1);
  });
});

describe('a deadline', () => {
  it('lets a pull go when it has passed, never before', () => {
    const held = holding(pullOf({ deadlineMs: 1_234 }));
    expect(held.expired(1_233)).toEqual([]);
    expect(held.expired(held.nextDueMs()!)).toHaveLength(1);
    expect(held.nextDueMs()).toBeUndefined();
  });

  it('is announced by the earliest pull that is held, whatever the order they came in', () => {
    const held = holding(pullOf({ deadlineMs: 3_000 }), pullOf({ deadlineMs: 1_000 }));
    expect(held.nextDueMs()).toBe(1_000);
    held.expired(1_000);
    expect(held.nextDueMs()).toBe(3_000);
  });

  it('may be absurdly far away', () => {
    const held = holding(pullOf({ deadlineMs: Number.MAX_SAFE_INTEGER }));
    expect(held.nextDueMs()).toBe(RECHECK_MS);
    expect(held.expired(RECHECK_MS)).toEqual([]);
  });
});

describe('the re-check', () => {
  it('lets go pulls whose queue has grown although no arrival matched', () => {
    const rareTag = pullOf({ tagsCodes: new Set([1]) });
    const upToDate = pullOf({ queueId: 1 });
    const held = holding(rareTag, upToDate);
    held.arrived(arrivalOf({ tagsCode: 2 }));
    expect(held.recheck(RECHECK_MS, (_topic, queueId) => (queueId === 0 ? 11 : 10))).toEqual([
      rareTag,
    ]);
    expect(held.size).toBe(1);
  });

  it('is due every five seconds from the first pull held, and not while nothing is', () => {
    const held = new HeldPulls<HeldPull>(RECHECK_MS);
    expect(held.nextDueMs()).toBeUndefined();
    held.hold(pullOf(), 1_000);
    expect(held.nextDueMs()).toBe(6_000);
    expect(held.recheck(5_999, () => 99)).toEqual([]);
    expect(held.recheck(6_000, () => 10)).toEqual([]);
    expect(held.nextDueMs()).toBe(11_000);
  });
});

describe('a connection that closes', () => {
  it('takes its own pulls with it', () => {
    const other = pullOf({ owner: { name: 'another connection' } });
    const held = holding(pullOf(), pullOf({ queueId: 3 }), other);
    expect(held.ownerGone(owner)).toHaveLength(2);
    expect(held.all()).toEqual([other]);
  });
});

describe('any sequence of events', () => {
  it('lets every pull go exactly once, and forgets nothing', () => {
    const owners = [{ id: 0 }, { id: 1 }];
    const event = fc.oneof(
      fc.record({
        kind: fc.constant('hold' as const),
        queueId: fc.nat(2),
        queueOffset: fc.nat(5),
        tag: fc.option(fc.nat(2)),
        waitMs: fc.nat(20_000),
        owner: fc.nat(1),
      }),
      fc.record({
        kind: fc.constant('arrival' as const),
        queueId: fc.nat(2),
        queueOffset: fc.nat(5),
        tag: fc.nat(2),
      }),
      fc.record({ kind: fc.constant('time' as const), ms: fc.nat(7_000) }),
      fc.record({ kind: fc.constant('close' as const), owner: fc.nat(1) }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const held = new HeldPulls<HeldPull>(RECHECK_MS);
        const waiting = new Set<HeldPull>();
        const gone = (pulls: readonly HeldPull[]): void => {
          for (const pull of pulls) expect(waiting.delete(pull)).toBe(true);
        };
        let nowMs = 0;
        for (const step of events) {
          if (step.kind === 'hold') {
            const pull = pullOf({
              queueId: step.queueId,
              queueOffset: step.queueOffset,
              tagsCodes: step.tag === null ? undefined : new Set([step.tag]),
              deadlineMs: nowMs + step.waitMs,
              owner: owners[step.owner]!,
            });
            held.hold(pull, nowMs);
            waiting.add(pull);
          } else if (step.kind === 'arrival') {
            gone(held.arrived(arrivalOf({ ...step, tagsCode: step.tag })));
          } else if (step.kind === 'time') {
            nowMs += step.ms;
            gone(held.expired(nowMs));
            gone(held.recheck(nowMs, () => 3));
            for (const pull of waiting) expect(pull.deadlineMs).toBeGreaterThan(nowMs - 100);
            expect(held.nextDueMs() ?? Infinity).toBeGreaterThan(nowMs);
          } else {
            gone(held.ownerGone(owners[step.owner]!));
          }
          expect(held.size).toBe(waiting.size);
        }
        gone(held.all());
        expect(waiting.size).toBe(0);
      }),
      plays(),
    );
  });
});

describe('a change of what a group wants', () => {
  it('lets go its pulls of the topic, and no other', () => {
    const [one, two] = [pullOf({ consumerGroup: 'g' }), pullOf({ consumerGroup: 'g', queueId: 3 })];
    const others = [
      pullOf({ consumerGroup: 'h' }),
      pullOf({ consumerGroup: 'g', topic: 'TopicB' }),
      pullOf(),
    ];
    const held = holding(one, two, ...others);
    expect(held.selectionChanged('g', 'TopicA')).toEqual([one, two]);
    expect(held.selectionChanged('g', 'TopicC')).toEqual([]);
    expect(held.size).toBe(3);
  });
});
