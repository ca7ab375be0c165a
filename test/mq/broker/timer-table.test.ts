import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { TimerTable, type TimerInstant } from '../../../mq/broker/timer-table.ts';
import { plays } from '../../support/plays.ts';

type Step =
  | { readonly op: 'add'; readonly kind: 'relative' | 'absolute'; readonly afterMs: number }
  | { readonly op: 'advance'; readonly ms: number }
  | { readonly op: 'jump'; readonly ms: number }
  | { readonly op: 'deliver'; readonly failures: number }
  | { readonly op: 'remove'; readonly index: number };

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    op: fc.constant('add' as const),
    kind: fc.constantFrom('relative' as const, 'absolute' as const),
    afterMs: fc.nat(500),
  }),
  fc.record({ op: fc.constant('advance' as const), ms: fc.nat(300) }),
  fc.record({ op: fc.constant('jump' as const), ms: fc.integer({ min: -1000, max: 1000 }) }),
  fc.record({ op: fc.constant('deliver' as const), failures: fc.nat(3) }),
  fc.record({ op: fc.constant('remove' as const), index: fc.nat(50) }),
);

/** The table beside the plainest thing that could do its work: a list that is searched. */
class Run {
  readonly table = new TimerTable();
  readonly waiting = new Map<number, { kind: string; dueMs: number }>();
  readonly delivered: number[] = [];
  #wallMs = 1_000_000;
  #steadyMs = 1_000_000;
  #monotonicMs = 0;
  #next = 0;

  get now(): TimerInstant {
    return { wallMs: this.#wallMs, steadyMs: this.#steadyMs, monotonicMs: this.#monotonicMs };
  }

  apply(step: Step): void {
    switch (step.op) {
      case 'add': {
        const dueMs =
          step.afterMs + (step.kind === 'relative' ? this.now.steadyMs : this.now.wallMs);
        this.table.add(step.kind, dueMs, this.#next);
        this.waiting.set(this.#next++, { kind: step.kind, dueMs });
        break;
      }
      case 'advance':
        this.#wallMs += step.ms;
        this.#monotonicMs += step.ms;
        this.#steadyMs = Math.max(this.#wallMs, this.#steadyMs + step.ms);
        break;
      case 'jump':
        this.#wallMs += step.ms;
        this.#steadyMs = Math.max(this.#wallMs, this.#steadyMs);
        break;
      case 'deliver':
        this.#deliver(step.failures);
        break;
      case 'remove': {
        const queueOffset = [...this.waiting.keys()].find((each) => each >= step.index);
        if (queueOffset === undefined || this.waiting.get(queueOffset)!.kind === 'failed') break;
        this.table.remove(new Set([queueOffset]));
        this.waiting.delete(queueOffset);
        break;
      }
      default:
    }
    expect(this.table.size).toBe(this.waiting.size);
    expect(this.table.waitMs(this.now)).toBe(this.#shortestWait());
    for (const { kind, dueMs } of this.waiting.values()) {
      // Just behind it there may be another one, or not.
      for (const each of [dueMs, dueMs + 1]) {
        expect([kind, each, this.table.isAwaited(each, this.now)]).toEqual([
          kind,
          each,
          this.#isAwaited(each),
        ]);
      }
    }
  }

  #isAwaited(dueMs: number): boolean {
    return [...this.waiting.values()].some(
      (each) => each.kind !== 'failed' && each.dueMs === dueMs && dueMs > this.#clockOf(each.kind),
    );
  }

  #deliver(failures: number): void {
    let left = failures;
    for (;;) {
      const queueOffset = this.table.take(this.now);
      if (queueOffset === undefined) break;
      const timer = this.waiting.get(queueOffset)!;
      expect(timer).toBeDefined();
      expect(timer.dueMs).toBeLessThanOrEqual(this.#clockOf(timer.kind));
      if (left-- > 0) {
        const dueMs = this.now.monotonicMs + 100;
        this.table.retry(queueOffset, dueMs);
        this.waiting.set(queueOffset, { kind: 'failed', dueMs });
        continue;
      }
      this.waiting.delete(queueOffset);
      this.delivered.push(queueOffset);
    }
    for (const { kind, dueMs } of this.waiting.values()) {
      expect(dueMs).toBeGreaterThan(this.#clockOf(kind));
    }
  }

  #clockOf(kind: string): number {
    if (kind === 'relative') return this.now.steadyMs;
    return kind === 'absolute' ? this.now.wallMs : this.now.monotonicMs;
  }

  #shortestWait(): number {
    const waits = Array.from(
      this.waiting.values(),
      ({ kind, dueMs }) => dueMs - this.#clockOf(kind),
    );
    return Math.max(0, Math.min(Number.POSITIVE_INFINITY, ...waits));
  }
}

describe('the table of timers', () => {
  it('gives each out once, never early and never late, whatever the clocks do', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 80 }), (script) => {
        const run = new Run();
        for (const step of script) run.apply(step);
        run.apply({ op: 'advance', ms: 100_000 });
        run.apply({ op: 'deliver', failures: 0 });
        run.apply({ op: 'advance', ms: 100 });
        run.apply({ op: 'deliver', failures: 0 });
        expect(run.waiting.size).toBe(0);
        expect(new Set(run.delivered).size).toBe(run.delivered.length);
      }),
      plays(300),
    );
  });

  it('names as many as are wanted to be stored anew, without sorting all that wait', () => {
    const table = new TimerTable();
    for (const queueOffset of [5, 3, 9, 1, 7]) {
      table.add(queueOffset % 3 === 0 ? 'absolute' : 'relative', 1_000 - queueOffset, queueOffset);
    }
    expect([...table.below(8, 10)]).toEqual([1, 3, 5, 7]);
    expect([...table.below(8, 2)]).toHaveLength(2);
    expect([...table.below(1, 10)]).toEqual([]);
  });

  it('takes at most 200 bytes a timer, with a million of them', () => {
    const table = new TimerTable();
    for (let queueOffset = 0; queueOffset < 1_000_000; queueOffset++) {
      const kind = queueOffset % 2 === 0 ? 'relative' : 'absolute';
      table.add(kind, 1_900_000_000_000 + ((queueOffset * 7919) % 1_000_003), queueOffset);
    }
    expect(table.size).toBe(1_000_000);
    // While an array grows its predecessor is there, too.
    expect((2 * table.bytes) / table.size).toBeLessThanOrEqual(200);
    expect(table.bytes / table.size).toBeLessThanOrEqual(56.1);
  });
});
