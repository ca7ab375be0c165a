import { MqError } from '../errors.ts';
import type { MessageExt } from '../protocol/message.ts';
import { isDlqTopic } from '../protocol/names.ts';
import { PropertyKey } from '../protocol/properties.ts';

/** A limit travels as an int32. */
const HIGHEST = 0x7fff_ffff;

/**
 * A consumer's maxReconsumeTimes; undefined leaves it to the broker, which has a limit for each group. −1 is how Java's
 * options say that.
 *
 * Errors: CONFIG_INVALID with the value and the range.
 */
export function consumerReconsumeLimit(option: number | undefined): number | undefined {
  if (option === undefined || option === -1) return undefined;
  if (isLimit(option)) return option;
  throw new MqError(
    'CONFIG_INVALID',
    `maxReconsumeTimes is ${option}, it must be an integer in 0..${HIGHEST}, or -1 for the group's own`,
  );
}

/** A message's maxReconsumeTimes as its property holds it. Errors: INVALID_ARGUMENT with topic, value and range. */
export function encodeReconsumeLimit(limit: number, topic: string): string {
  if (isLimit(limit)) return String(limit);
  throw new MqError(
    'INVALID_ARGUMENT',
    `message for ${topic}: maxReconsumeTimes ${String(limit)} is no integer in 0..${HIGHEST}`,
  );
}

/**
 * The message's own limit. One that makes no sense, from another producer, is none; nor is that of a dead letter, which was
 * for the group that gave it up.
 */
export function reconsumeLimitOf(record: MessageExt): number | undefined {
  if (isDlqTopic(record.topic)) return undefined;
  const text = record.properties.get(PropertyKey.MAX_RECONSUME_TIMES);
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  return isLimit(Number(text)) ? Number(text) : undefined;
}

function isLimit(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= HIGHEST;
}
