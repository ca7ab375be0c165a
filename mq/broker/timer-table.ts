import { TimeCounts } from '../store/time-counts.ts';
import { TimerHeap } from '../store/timer-heap.ts';
import type { TimerEntry } from '../store/timer-entry.ts';
import type { TimerPairs } from '../store/timer-snapshot.ts';

/** The three clocks of a timer, all in ms. */
export interface TimerInstant {
  /** May jump; absolute times are over by it. */
  readonly wallMs: number;
  /** At least the wall's, and never goes back; relative delays are over by it. */
  readonly steadyMs: number;
  /** Only for pauses after a failure. */
  readonly monotonicMs: number;
}

/** A kind of waiting that is delivered; recalls are kept elsewhere. */
export type DeliveredKind = Exclude<TimerEntry['kind'], 'recall'>;

/**
 * Which timers wait, and which of them is due first: a queueOffset in rmq_sys_wheel_timer stands for each.
 *
 * Pure: no clock, no files. A timer is in one of three heaps, by the clock it waits for. Every one that was added
 * comes out of `take` once, not before its time, and again only after `retry`.
 */
export class TimerTable {
  readonly #waiting: Readonly<Record<DeliveredKind, TimerHeap>>;
  /** Keyed by the monotonic time of the next attempt. */
  readonly #failed = new TimerHeap();
  /** The keys of both heaps: a heap does not find one without going over all. */
  readonly #awaited: Readonly<Record<DeliveredKind, TimeCounts>>;

  constructor(relative = new TimerHeap(), absolute = new TimerHeap()) {
    this.#waiting = { relative, absolute };
    this.#awaited = {
      relative: new TimeCounts(relative.keys),
      absolute: new TimeCounts(absolute.keys),
    };
  }

  get size(): number {
    const { relative, absolute } = this.#waiting;
    return relative.size + absolute.size + this.#failed.size;
  }

  /** What its arrays take in memory. */
  get bytes(): number {
    const { relative, absolute } = this.#waiting;
    const heapBytes = relative.bytes + absolute.bytes + this.#failed.bytes;
    return heapBytes + this.#awaited.relative.bytes + this.#awaited.absolute.bytes;
  }

  add(kind: DeliveredKind, dueMs: number, queueOffset: number): void {
    this.#waiting[kind].push(dueMs, queueOffset);
    this.#awaited[kind].add(dueMs);
  }

  /** The queueOffset that `take` would return. */
  peek(at: TimerInstant): number | undefined {
    return this.#firstDue(at)?.heap.firstValue;
  }

  /** Takes out the timer that is due first, if one is due. What was to be tried again comes before the others. */
  take(at: TimerInstant): number | undefined {
    const first = this.#firstDue(at);
    if (first === undefined) return undefined;
    first.awaited?.remove(first.heap.firstKey);
    return first.heap.pop();
  }

  /** Its delivery failed: it is due again then, whatever the other two clocks do. */
  retry(queueOffset: number, atMonotonicMs: number): void {
    this.#failed.push(atMonotonicMs, queueOffset);
  }

  /** How long until `take` returns something: 0 when it does now, Infinity when nothing waits. */
  waitMs(at: TimerInstant): number {
    const { relative, absolute } = this.#waiting;
    return Math.max(
      0,
      Math.min(
        relative.firstKey - at.steadyMs,
        absolute.firstKey - at.wallMs,
        this.#failed.firstKey - at.monotonicMs,
      ),
    );
  }

  /** Whether one that is not due yet waits for exactly this time, by either clock. */
  isAwaited(dueMs: number, at: TimerInstant): boolean {
    const { relative, absolute } = this.#awaited;
    return (
      (dueMs > at.steadyMs && relative.has(dueMs)) || (dueMs > at.wallMs && absolute.has(dueMs))
    );
  }

  /** The earliest time waited for; Infinity when none is, undefined while timers are to be tried again. */
  get firstDueMs(): number | undefined {
    if (this.#failed.size > 0) return undefined;
    return Math.min(this.#waiting.relative.firstKey, this.#waiting.absolute.firstKey);
  }

  /** At most so many of the waiting timers below that queueOffset, in ascending order; not those to be tried again. */
  below(queueOffset: number, maxCount: number): Float64Array {
    const found = new Float64Array(Math.min(maxCount, this.size));
    let count = 0;
    for (const { values } of Object.values(this.#waiting)) {
      for (let at = 0; at < values.length && count < found.length; at++) {
        if (values[at]! < queueOffset) found[count++] = values[at]!;
      }
    }
    return found.subarray(0, count).sort();
  }

  /** Takes out the timers with these queueOffsets. Goes over the whole table. */
  remove(queueOffsets: ReadonlySet<number>): void {
    if (queueOffsets.size === 0) return;
    for (const kind of ['relative', 'absolute'] as const) {
      this.#waiting[kind].removeValues(queueOffsets, (dueMs) => this.#awaited[kind].remove(dueMs));
    }
  }

  /** A view of what waits, good until the next change; timers to be tried again, and those given, as relative ones long due. */
  view(underWay: readonly number[]): Readonly<Record<DeliveredKind, TimerPairs>> {
    const { relative, absolute } = this.#waiting;
    const overdue = [...this.#failed.values, ...underWay];
    return {
      relative:
        overdue.length === 0
          ? { dueMs: relative.keys, queueOffsets: relative.values }
          : {
              dueMs: concatenated(relative.keys, new Float64Array(overdue.length)),
              queueOffsets: concatenated(relative.values, Float64Array.from(overdue)),
            },
      absolute: { dueMs: absolute.keys, queueOffsets: absolute.values },
    };
  }

  #firstDue(at: TimerInstant): { heap: TimerHeap; awaited?: TimeCounts } | undefined {
    if (this.#failed.firstKey <= at.monotonicMs) return { heap: this.#failed };
    const kind = this.#firstKind(at);
    return kind && { heap: this.#waiting[kind], awaited: this.#awaited[kind] };
  }

  #firstKind(at: TimerInstant): DeliveredKind | undefined {
    const { relative, absolute } = this.#waiting;
    const isRelativeDue = relative.firstKey <= at.steadyMs;
    const isAbsoluteDue = absolute.firstKey <= at.wallMs;
    if (isRelativeDue && isAbsoluteDue) {
      return absolute.firstKey < relative.firstKey ? 'absolute' : 'relative';
    }
    if (isRelativeDue) return 'relative';
    return isAbsoluteDue ? 'absolute' : undefined;
  }
}

function concatenated(first: Float64Array, second: Float64Array): Float64Array {
  const all = new Float64Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
