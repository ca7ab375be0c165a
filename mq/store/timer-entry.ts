import { findProperty, PropertyKey } from '../protocol/properties.ts';

/** A recall takes a waiting message back; it is due when that message is. */
export type TimerKind = 'relative' | 'absolute' | 'recall';

/** What of a parked message can be known without reading it. */
export interface TimerEntry {
  /** ms; on the wall clock for an absolute time, on the broker's steady clock for a relative delay. */
  dueMs: number;
  kind: TimerKind;
}

const kinds: readonly TimerKind[] = ['relative', 'absolute', 'recall'];
const KIND_RADIX = 4;
/** Codes below are tag hashes, which an original wrote, or nothing we could have written: 25 January 1970 at the latest. */
const FIRST_CODE = 2 ** 33;
/** The original rounds the time of delivery down to its precision and delivers after the second that begins there. */
const ORIGINAL_PRECISION_MS = 1_000;

/**
 * When a message of rmq_sys_wheel_timer is due, from its properties alone; undefined when they do not say.
 *
 * TIMER_OUT_MS is exact in our records and rounded down in the original's. Ours have TIMER_ENQUEUE_MS from the
 * beginning; the original adds it only together with TIMER_DEQUEUE_MS.
 *
 * Source: RocketMQ 5.3 HookUtils.transformTimerMessage, TimerMessageStore.convert.
 */
export function timerEntryOf(propertiesString: string): TimerEntry | undefined {
  const outMs = integer(findProperty(propertiesString, PropertyKey.TIMER_OUT_MS));
  if (outMs === undefined || outMs < 0) return undefined;
  const isOurs =
    findProperty(propertiesString, PropertyKey.TIMER_ENQUEUE_MS) !== undefined &&
    findProperty(propertiesString, PropertyKey.TIMER_DEQUEUE_MS) === undefined;
  return {
    dueMs: isOurs ? outMs : outMs + ORIGINAL_PRECISION_MS,
    kind: kindOf(propertiesString, isOurs),
  };
}

function kindOf(propertiesString: string, isOurs: boolean): TimerKind {
  const has = (name: string): boolean => findProperty(propertiesString, name) !== undefined;
  if (has(PropertyKey.TIMER_DEL_UNIQKEY)) return 'recall';
  // The original has one clock, the wall's, for both.
  if (!isOurs) return 'absolute';
  return has(PropertyKey.TIMER_DELAY_SEC) || has(PropertyKey.TIMER_DELAY_MS)
    ? 'relative'
    : 'absolute';
}

/** The tagsCode of a ConsumeQueue entry in rmq_sys_wheel_timer, where the original has the tag's hash and reads it nowhere. */
export function encodeTimerCode({ dueMs, kind }: TimerEntry): number {
  return Math.max(dueMs * KIND_RADIX, FIRST_CODE) + kinds.indexOf(kind);
}

/** Undefined for what an original wrote: only the record can tell then. */
export function decodeTimerCode(tagsCode: number): TimerEntry | undefined {
  const kind = kinds[tagsCode % KIND_RADIX];
  if (tagsCode < FIRST_CODE || kind === undefined) return undefined;
  return { dueMs: Math.floor(tagsCode / KIND_RADIX), kind };
}

function integer(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return value * KIND_RADIX <= Number.MAX_SAFE_INTEGER - KIND_RADIX ? value : undefined;
}
