import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  TransactionTable,
  type Decision,
  type Half,
  type Outcome,
} from '../../../mq/broker/transaction-table.ts';
import { plays } from '../../support/plays.ts';

const MAX_CHECKS = 3;
const MAX_RECENT = 5;

type Event =
  | { do: 'half' }
  | { do: 'end'; id: number; decision: Decision }
  | { do: 'round'; isReachable: boolean }
  /** What was begun ends, in any order, well or not. */
  | { do: 'finish'; which: number; isStored: boolean };

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ do: fc.constant('half' as const) }),
  fc.record({
    do: fc.constant('end' as const),
    id: fc.nat(12),
    decision: fc.constantFrom<Decision>('COMMIT', 'ROLLBACK'),
  }),
  fc.record({ do: fc.constant('round' as const), isReachable: fc.boolean() }),
  fc.record({
    do: fc.constant('finish' as const),
    which: fc.nat(8),
    isStored: fc.boolean(),
  }),
);

interface UnderWay {
  readonly half: Half;
  readonly outcome: Outcome | 'MOVED';
}

/** The table, and what a store would hold if it did what the table says. */
class Machine {
  readonly table = new TransactionTable({ maxChecks: MAX_CHECKS, maxRecent: MAX_RECENT });
  readonly outcomes = new Map<number, Outcome>();
  /** Of half messages in the queue: whether an op message ends them. */
  readonly ended: boolean[] = [];
  readonly ids: number[] = [];
  readonly ops: number[] = [];
  readonly handedOver = new Map<number, number>();
  readonly #underWay: UnderWay[] = [];

  take(given: Event): void {
    switch (given.do) {
      case 'half': {
        const queueOffset = this.#stored(undefined);
        this.table.add(this.#half(queueOffset, queueOffset, 0));
        return;
      }
      case 'end':
        return this.#end(given.id, given.decision);
      case 'round':
        return this.#round(given.isReachable);
      case 'finish':
        return this.#finish(given.which, given.isStored);
    }
  }

  #half(id: number, queueOffset: number, checkCount: number): Half {
    const commitLogOffset = queueOffset * 100;
    return { id, queueOffset, commitLogOffset, producerGroup: 'pg', checkCount, dueAtMs: 0 };
  }

  #stored(id: number | undefined): number {
    const queueOffset = this.ids.length;
    this.ids.push(id ?? queueOffset);
    this.ended.push(false);
    return queueOffset;
  }

  #end(id: number, decision: Decision): void {
    const step = this.table.end(id, decision);
    const isTaken = this.#underWay.some(({ half }) => half.id === id);
    if (step.do === 'settle') {
      expect(isTaken || this.outcomes.has(id)).toBe(false);
      this.#underWay.push({ half: step.half, outcome: step.outcome });
    } else if (step.do === 'answer') {
      expect(step.outcome).toBe(this.outcomes.get(id));
    } else if (step.do === 'wait') {
      expect(isTaken).toBe(true);
    } else {
      // Never for one that is open, nor for one of the latest outcomes.
      expect(this.ids.includes(id) && !this.outcomes.has(id)).toBe(false);
      expect([...this.outcomes.keys()].slice(-MAX_RECENT)).not.toContain(id);
    }
  }

  #round(isReachable: boolean): void {
    for (const half of this.table.halves()) {
      const step = this.table.check(half, 1, isReachable);
      if (step === 'leave') continue;
      expect(this.#underWay.some((each) => each.half.id === half.id)).toBe(false);
      if (step === 'discard') {
        expect(this.handedOver.get(half.id)).toBe(MAX_CHECKS);
        this.#underWay.push({ half, outcome: 'DISCARDED' });
      } else {
        expect(isReachable).toBe(true);
        this.handedOver.set(half.id, (this.handedOver.get(half.id) ?? 0) + 1);
        const asked = { ...half, checkCount: half.checkCount + 1 };
        this.#underWay.push({ half: asked, outcome: 'MOVED' });
      }
    }
  }

  #finish(which: number, isStored: boolean): void {
    const [done] = this.#underWay.splice(which % Math.max(1, this.#underWay.length), 1);
    if (done === undefined) return;
    const { half, outcome } = done;
    if (!isStored) {
      // A count that could not be stored is kept all the same.
      if (outcome === 'MOVED') this.table.moved(half);
      else this.table.released(half.id);
      return;
    }
    this.ended[half.queueOffset] = true;
    this.table.noteOp(this.ops.length, half.queueOffset);
    this.ops.push(half.queueOffset);
    if (outcome === 'MOVED') {
      const queueOffset = this.#stored(half.id);
      this.table.moved(this.#half(half.id, queueOffset, half.checkCount));
    } else {
      expect(this.outcomes.has(half.id)).toBe(false);
      this.outcomes.set(half.id, outcome);
      this.table.settled(half.id, outcome);
    }
  }

  /** What a restart would find open, reading from where the table says. */
  recovered(): Set<number> {
    const from = this.table.progress(this.ids.length);
    const ended = new Set(this.ops.slice(from.op));
    const open = new Set<number>();
    for (let at = from.half; at < this.ids.length; at++) {
      if (!ended.has(at)) open.add(this.ids[at]!);
    }
    return open;
  }
}

describe('the table of transactions', () => {
  it('gives every transaction one outcome, whatever races with what and fails', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 120 }), (events) => {
        const machine = new Machine();
        for (const each of events) {
          machine.take(each);
          const open = [...new Set(machine.ids)].filter((id) => !machine.outcomes.has(id));
          expect(new Set([...machine.table.halves()].map(({ id }) => id))).toEqual(new Set(open));
          expect(machine.recovered()).toEqual(new Set(open));
          expect(machine.table.recentCount).toBeLessThanOrEqual(MAX_RECENT);
        }
      }),
      plays(1_000),
    );
  });

  it('reads no further back than the oldest open half message', () => {
    const machine = new Machine();
    for (let index = 0; index < 1_000; index++) {
      machine.take({ do: 'half' });
      if (index === 500) continue;
      machine.take({ do: 'end', id: index, decision: 'COMMIT' });
      machine.take({ do: 'finish', which: 0, isStored: true });
    }
    expect(machine.table.progress(1_000)).toEqual({ half: 500, op: 500 });
    machine.take({ do: 'end', id: 500, decision: 'ROLLBACK' });
    machine.take({ do: 'finish', which: 0, isStored: true });
    expect(machine.table.progress(1_000)).toEqual({ half: 1_000, op: 1_000 });
  });

  it('names those that hold up its progress, so that they are put again at the end', () => {
    const machine = new Machine();
    for (let index = 0; index < 100; index++) machine.take({ do: 'half' });
    for (let id = 1; id < 100; id++) {
      machine.take({ do: 'end', id, decision: 'COMMIT' });
      machine.take({ do: 'finish', which: 0, isStored: true });
    }
    expect(machine.table.laggards(100, 200)).toEqual([]);
    expect(machine.table.laggards(100, 50).map(({ id }) => id)).toEqual([0]);
  });
});
