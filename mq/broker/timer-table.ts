import { TimerHeap } from '../store/timer-heap.ts';
import type { TimerEntry } from '../store/timer-entry.ts';

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

/** The pairs of a table, copied. */
export interface TimerPairs {
  readonly dueMs: Float64Array;
  readonly queueOffsets: Float64Array;
}

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

  constructor(relative = new TimerHeap(), absolute = new TimerHeap()) {
    this.#waiting = { relative, absolute };
  }

  get size(): number {
    const { relative, absolute } = this.#waiting;
    return relative.size + absolute.size + this.#failed.size;
  }

  /** What its arrays take in memory. */
  get bytes(): number {
    const { relative, absolute } = this.#waiting;
    return relative.bytes + absolute.bytes + this.#failed.bytes;
  }

  add(kind: DeliveredKind, dueMs: number, queueOffset: number): void {
    this.#waiting[kind].push(dueMs, queueOffset);
  }

  /** The queueOffset that `take` would return. */
  peek(at: TimerInstant): number | undefined {
    return this.#firstDue(at)?.firstValue;
  }

  /** Takes out the timer that is due first, if one is due. What was to be tried again comes before the others. */
  take(at: TimerInstant): number | undefined {
    return this.#firstDue(at)?.pop();
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

  /** Whether one waits for exactly this time, by either clock. Those to be tried again do not wait for it. */
  hasDueAt(dueMs: number): boolean {
    const { relative, absolute } = this.#waiting;
    return relative.hasKey(dueMs) || absolute.hasKey(dueMs);
  }

  /** The earliest time waited for; Infinity when none is. Timers to be tried again count as earlier than any. */
  get firstDueMs(): number {
    if (this.#failed.size > 0) return 0;
    return Math.min(this.#waiting.relative.firstKey, this.#waiting.absolute.firstKey);
  }

  /** Infinity when nothing waits. */
  get firstQueueOffset(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { values } of this.#heaps()) {
      for (const queueOffset of values) if (queueOffset < first) first = queueOffset;
    }
    return first;
  }

  /** Up to `count` of the waiting timers below that queueOffset, in no particular order. */
  below(queueOffset: number, count: number): number[] {
    const found: number[] = [];
    for (const { values } of this.#heaps()) {
      for (const each of values) {
        if (each >= queueOffset) continue;
        if (found.length === count) return found;
        found.push(each);
      }
    }
    return found;
  }

  /** A copy of what waits; timers to be tried again, and those given, count as relative ones long due. */
  copy(underWay: readonly number[]): Readonly<Record<DeliveredKind, TimerPairs>> {
    const { relative, absolute } = this.#waiting;
    const overdue = [...this.#failed.values, ...underWay];
    return {
      relative: {
        dueMs: concatenated(relative.keys, new Float64Array(overdue.length)),
        queueOffsets: concatenated(relative.values, Float64Array.from(overdue)),
      },
      absolute: {
        dueMs: absolute.keys.slice(),
        queueOffsets: absolute.values.slice(),
      },
    };
  }

  #heaps(): TimerHeap[] {
    return [this.#waiting.relative, this.#waiting.absolute, this.#failed];
  }

  #firstDue(at: TimerInstant): TimerHeap | undefined {
    if (this.#failed.firstKey <= at.monotonicMs) return this.#failed;
    const { relative, absolute } = this.#waiting;
    const isRelativeDue = relative.firstKey <= at.steadyMs;
    const isAbsoluteDue = absolute.firstKey <= at.wallMs;
    if (isRelativeDue && isAbsoluteDue) {
      return absolute.firstKey < relative.firstKey ? absolute : relative;
    }
    if (isRelativeDue) return relative;
    return isAbsoluteDue ? absolute : undefined;
  }
}

function concatenated(first: Float64Array, second: Float64Array): Float64Array {
  const all = new Float64Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
