import { MqError } from '../errors.ts';
import { SystemTopic } from '../protocol/names.ts';
import {
  decodeProperties,
  findProperty,
  MAX_PROPERTIES_BYTES,
  PropertyKey,
  reencodeProperties,
} from '../protocol/properties.ts';
import type { AppendMessage } from '../store/message-store.ts';
import { keyOf } from './timer-recalls.ts';
import type { TimerInstant } from './timer-table.ts';

/** What a producer asked for, in its own property. Exactly one of the two times. */
export interface TimerRequest {
  readonly property: string;
  readonly delayMs?: number;
  readonly deliverMs?: number;
}

/** A message as it is parked, and the time it is parked for. */
export interface Parked {
  readonly message: AppendMessage;
  readonly outMs: number;
  /** It is no message but takes one back, this one; see timer-recalls.ts. */
  readonly recalls?: string;
}

/** For what is added when it is delivered or parked anew: it must not become too large then. */
const PROPERTIES_ROOM_BYTES = 64;

/** The original's order: the first of these that is there counts, the others do nothing. */
const properties = [
  { name: PropertyKey.TIMER_DELAY_SEC, unitMs: 1_000 },
  { name: PropertyKey.TIMER_DELAY_MS, unitMs: 1 },
  { name: PropertyKey.TIMER_DELIVER_MS, unitMs: undefined },
] as const;

/**
 * What a message says of its time, undefined for one that does not wait.
 *
 * A message that has waited carries TIMER_OUT_MS, and does not wait again when a consumer sends it back.
 *
 * Errors: MESSAGE_ILLEGAL naming the property and its value when that is no integer.
 * Source: RocketMQ 5.3 HookUtils.checkIfTimerMessage, transformTimerMessage.
 */
export function timerRequest(propertiesString: string): TimerRequest | undefined {
  if (!propertiesString.includes('TIMER_')) return undefined;
  if (findProperty(propertiesString, PropertyKey.TIMER_OUT_MS) !== undefined) return undefined;
  for (const { name, unitMs } of properties) {
    const value = findProperty(propertiesString, name);
    if (value === undefined) continue;
    const count = Number(value);
    if (!/^[+-]?\d{1,19}$/.test(value)) {
      throw new MqError(
        'MESSAGE_ILLEGAL',
        `${name} is ${JSON.stringify(value.slice(0, 40))}, not a whole number`,
        { details: { property: name } },
      );
    }
    return unitMs === undefined
      ? { property: name, deliverMs: count }
      : { property: name, delayMs: count * unitMs };
  }
  return undefined;
}

/**
 * When a request is due, undefined when it is due already.
 *
 * Units:  ms; of the steady clock for a delay, of the wall clock for a time.
 * Errors: MESSAGE_ILLEGAL with both numbers when it is farther away than `maxDelayMs`.
 */
export function outTimeOf(
  request: TimerRequest,
  now: TimerInstant,
  maxDelayMs: number,
): number | undefined {
  const { property, delayMs, deliverMs = 0 } = request;
  const waitMs = delayMs ?? deliverMs - now.wallMs;
  if (waitMs <= 0) return undefined;
  if (waitMs > maxDelayMs) {
    throw new MqError(
      'MESSAGE_ILLEGAL',
      `timer message illegal: ${property} asks for a delay of ${waitMs} ms, more than timerMaxDelaySec allows, ${maxDelayMs} ms`,
      { details: { property, delayMs: waitMs, maxDelayMs } },
    );
  }
  // The steady clock has fractions; a delay must not begin before now.
  return delayMs === undefined ? deliverMs : Math.ceil(now.steadyMs) + delayMs;
}

/** The message as it waits in rmq_sys_wheel_timer: same body, where it belongs in REAL_TOPIC and REAL_QID. */
export function park(message: AppendMessage, outMs: number, now: TimerInstant): Parked {
  const parked = decodeProperties(message.propertiesString);
  // Bookkeeping of its own would be believed.
  for (const name of [PropertyKey.TIMER_DEQUEUE_MS, PropertyKey.TIMER_ROLL_TIMES]) {
    parked.delete(name);
  }
  parked.set(PropertyKey.TIMER_OUT_MS, String(outMs));
  parked.set(PropertyKey.TIMER_ENQUEUE_MS, String(Math.ceil(now.steadyMs)));
  parked.set(PropertyKey.REAL_TOPIC, message.topic);
  parked.set(PropertyKey.REAL_QID, String(message.queueId));
  const propertiesString = reencodeProperties(parked);
  const bytes = Buffer.byteLength(propertiesString);
  const limit = MAX_PROPERTIES_BYTES - PROPERTIES_ROOM_BYTES;
  if (bytes > limit) {
    throw new MqError(
      'MESSAGE_ILLEGAL',
      `properties of ${bytes} bytes exceed ${limit}, the most a message that waits may have`,
      { details: { propertiesBytes: bytes, limit } },
    );
  }
  const recalls = keyOf(parked);
  return {
    message: { ...message, topic: SystemTopic.TIMER, queueId: 0, propertiesString },
    outMs,
    ...(recalls === undefined ? {} : { recalls }),
  };
}
