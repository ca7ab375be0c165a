import { encodeJsonBody } from './json-body.ts';
import { messageQueueJson, type MessageQueue } from './message-queue.ts';
import { subscriptionJson, type SubscriptionData } from './subscription.ts';

/** What a consumer has fetched of one queue and not finished. Times are in ms since epoch, 0 for never. */
export interface ProcessQueueInfo {
  readonly commitOffset: number;
  readonly cachedMsgMinOffset: number;
  readonly cachedMsgMaxOffset: number;
  readonly cachedMsgCount: number;
  readonly cachedMsgSizeInMiB: number;
  readonly locked: boolean;
  readonly lastLockTimestamp: number;
  readonly droped: boolean;
  readonly lastPullTimestamp: number;
  readonly lastConsumeTimestamp: number;
}

/** How a consumer does in one topic: RT in ms, TPS a second, both of the last minute; failures of the last hour. */
export interface ConsumeStatus {
  readonly pullRT: number;
  readonly pullTPS: number;
  readonly consumeRT: number;
  readonly consumeOKTPS: number;
  readonly consumeFailedTPS: number;
  readonly consumeFailedMsgs: number;
}

export interface ConsumerRunningInfo {
  /** PROP_CONSUME_TYPE and its like, all text. */
  readonly properties: Readonly<Record<string, string>>;
  readonly subscriptions: readonly SubscriptionData[];
  readonly queues: ReadonlyMap<MessageQueue, ProcessQueueInfo>;
  /** By topic. */
  readonly status: ReadonlyMap<string, ConsumeStatus>;
}

/**
 * The body of the reply to GET_CONSUMER_RUNNING_INFO, as 5.x has it, where 4.9 lacks the first and the last table.
 *
 * Source: RocketMQ 5.3 ConsumerRunningInfo.java, ProcessQueueInfo.java, ConsumeStatus.java.
 */
export function encodeConsumerRunningInfo(info: ConsumerRunningInfo): Buffer {
  return encodeJsonBody({
    mqPopTable: {},
    mqTable: new Map(
      Array.from(info.queues, ([queue, one]) => [
        messageQueueJson(queue),
        {
          cachedMsgCount: one.cachedMsgCount,
          cachedMsgMaxOffset: one.cachedMsgMaxOffset,
          cachedMsgMinOffset: one.cachedMsgMinOffset,
          cachedMsgSizeInMiB: one.cachedMsgSizeInMiB,
          commitOffset: one.commitOffset,
          droped: one.droped,
          lastConsumeTimestamp: one.lastConsumeTimestamp,
          lastLockTimestamp: one.lastLockTimestamp,
          lastPullTimestamp: one.lastPullTimestamp,
          locked: one.locked,
          // Of an ordered consumer of the original that takes messages without finishing them, which ours has not.
          transactionMsgCount: 0,
          transactionMsgMaxOffset: 0,
          transactionMsgMinOffset: 0,
          tryUnlockTimes: 0,
        },
      ]),
    ),
    properties: info.properties,
    statusTable: Object.fromEntries(
      Array.from(info.status, ([topic, one]) => [
        topic,
        {
          consumeFailedMsgs: one.consumeFailedMsgs,
          consumeFailedTPS: one.consumeFailedTPS,
          consumeOKTPS: one.consumeOKTPS,
          consumeRT: one.consumeRT,
          pullRT: one.pullRT,
          pullTPS: one.pullTPS,
        },
      ]),
    ),
    subscriptionSet: info.subscriptions.map(subscriptionJson),
    userConsumerInfo: {},
  });
}
