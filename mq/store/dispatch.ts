import { findProperty, PropertyKey, tagsCode } from '../protocol/properties.ts';
import { SystemTopic } from '../protocol/names.ts';
import { MessageSysFlag } from '../protocol/sys-flag.ts';
import { encodeTimerCode, timerEntryOf } from './timer-entry.ts';

/** Half messages and rollback markers are in the CommitLog only; their queueOffset is 0. */
export function isDispatched(sysFlag: number): boolean {
  const transaction = sysFlag & MessageSysFlag.TRANSACTION_MASK;
  return (
    transaction !== MessageSysFlag.TRANSACTION_PREPARED &&
    transaction !== MessageSysFlag.TRANSACTION_ROLLBACK
  );
}

/**
 * The tagsCode of a message's ConsumeQueue entry, from what the record itself says, so that append and rebuild
 * agree: the tag's hash, but in SCHEDULE_TOPIC_XXXX the time of delivery in ms, and in rmq_sys_wheel_timer that and the
 * kind of timer.
 *
 * Source: RocketMQ 5.3 CommitLog.checkMessageAndReturnSize.
 */
export function entryTagsCode(
  record: { topic: string; propertiesString: string; storeTimestamp: number },
  delayLevelsMs: readonly number[],
): number {
  if (record.topic === SystemTopic.TIMER) {
    const entry = timerEntryOf(record.propertiesString);
    if (entry !== undefined) return encodeTimerCode(entry);
  }
  if (record.topic === SystemTopic.SCHEDULE) {
    const level = Number(findProperty(record.propertiesString, PropertyKey.DELAY));
    // A level beyond the table counts as the longest, as the original does when the message is parked.
    const delayMs = delayLevelsMs[Math.min(level, delayLevelsMs.length) - 1];
    if (delayMs !== undefined) return record.storeTimestamp + delayMs;
  }
  return tagsCode(findProperty(record.propertiesString, PropertyKey.TAGS));
}
