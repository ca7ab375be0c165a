import { MqError } from '../errors.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import { pullMessage } from '../protocol/requests/pull-message.ts';
import { ResponseCode } from '../protocol/response-code.ts';
import { isTagType, type SubscriptionData } from '../protocol/subscription.ts';
import { PullSysFlag } from '../protocol/sys-flag.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { assertServes } from './expression-check.ts';
import { decodePull, matchesTags, readMessage } from './fetched-messages.ts';
import type { MqClient } from './mq-client.ts';
import { pullCodes, type PullReply } from './pull-source.ts';

export interface SinglePull {
  address: string;
  consumerGroup: string;
  queue: MessageQueue;
  queueOffset: number;
  maxMsgNums: number;
  subscription: SubscriptionData;
  /** How long the broker may hold the request while there is nothing. Default 0: not at all. */
  holdMs?: number;
  signal?: AbortSignal | undefined;
}

/**
 * Asks for the messages of a queue once, subscription and all: of no group that brokers know, and without progress.
 *
 * Errors: VERSION_NOT_SUPPORTED for SQL92 on a broker before 4.1; those of `MqClient.call`.
 */
export async function pullOnce(
  client: MqClient,
  { address, queue, holdMs = 0, subscription, signal, ...pull }: SinglePull,
): Promise<PullReply> {
  assertServes(client, address, subscription);
  const isOfTags = isTagType(subscription.expressionType);
  return client.call(
    address,
    pullMessage,
    {
      consumerGroup: pull.consumerGroup,
      topic: queue.topic,
      queueId: queue.queueId,
      queueOffset: pull.queueOffset,
      maxMsgNums: pull.maxMsgNums,
      sysFlag: PullSysFlag.SUBSCRIPTION | (holdMs > 0 ? PullSysFlag.SUSPEND : 0),
      commitOffset: 0,
      suspendTimeoutMillis: holdMs,
      subscription: subscription.subString,
      subVersion: isOfTags ? 0 : subscription.subVersion,
      expressionType: subscription.expressionType,
    },
    {
      timeoutMs: holdMs + client.settings.requestTimeoutMs,
      signal,
      accept: pullCodes,
    },
  );
}

/** As RocketMQ's PullStatus. OFFSET_ILLEGAL: the queue begins behind the offset that was asked for; go on at nextBeginOffset. */
export type PullStatus = 'FOUND' | 'NO_NEW_MSG' | 'NO_MATCHED_MSG' | 'OFFSET_ILLEGAL';

/** What one pull brought. All offsets are entry indexes. */
export interface PullResult {
  readonly status: PullStatus;
  /** Where to go on. */
  readonly nextBeginOffset: number;
  /** Of the oldest message kept. */
  readonly minOffset: number;
  /** The one that the next message will get. */
  readonly maxOffset: number;
  /** None unless the status is FOUND. */
  readonly messages: readonly ConsumedMessage[];
}

const statuses: Readonly<Record<number, PullStatus>> = {
  [ResponseCode.SUCCESS]: 'FOUND',
  [ResponseCode.PULL_NOT_FOUND]: 'NO_NEW_MSG',
  [ResponseCode.PULL_RETRY_IMMEDIATELY]: 'NO_MATCHED_MSG',
  [ResponseCode.PULL_OFFSET_MOVED]: 'OFFSET_ILLEGAL',
};

/**
 * Reads what the broker said to one pull.
 *
 * Errors: PULL_OFFSET_MOVED for an offset past the end, with both numbers; MESSAGE_CORRUPT when the first message cannot be
 *         read. Before one that cannot, the result ends.
 */
export async function readPull(
  { code, header, body }: PullReply,
  { queue, queueOffset, subscription }: SinglePull,
  maxBodyBytes: number,
): Promise<PullResult> {
  const { nextBeginOffset, maxOffset } = header;
  // Originals say −1 of a queue that never held anything.
  const minOffset = Math.max(header.minOffset, 0);
  const status = statuses[code] ?? 'NO_NEW_MSG';
  if (status === 'OFFSET_ILLEGAL' && queueOffset > maxOffset) {
    throw new MqError(
      'PULL_OFFSET_MOVED',
      `offset ${queueOffset} is past the end of ${queueKey(queue)}, which is ${maxOffset}`,
      { details: { queueOffset, nextBeginOffset, minOffset, maxOffset } },
    );
  }
  const result = { status, nextBeginOffset, minOffset, maxOffset, messages: [] };
  if (status !== 'FOUND') return result;
  const { records, broken } = decodePull(body ?? Buffer.alloc(0));
  const messages: ConsumedMessage[] = [];
  // Until all that was read is known to be readable, it goes on behind the last that is.
  let next = queueOffset;
  let fault = broken;
  for (const record of records) {
    if (matchesTags(record, subscription)) {
      try {
        messages.push(await readMessage(record, queue.brokerName, maxBodyBytes));
      } catch (error) {
        if (!MqError.is(error)) throw error;
        fault = error;
        next = record.queueOffset;
        break;
      }
    }
    next = record.queueOffset + 1;
  }
  if (fault === undefined) next = nextBeginOffset;
  else if (messages.length === 0) throw unreadable(queue, next, fault);
  return messages.length === 0
    ? { ...result, status: 'NO_MATCHED_MSG' }
    : { ...result, nextBeginOffset: next, messages };
}

function unreadable(queue: MessageQueue, queueOffset: number, cause: MqError): MqError {
  return new MqError(
    'MESSAGE_CORRUPT',
    `the message at offset ${queueOffset} of ${queueKey(queue)} cannot be read: ${cause.message}`,
    { details: { queueOffset }, cause },
  );
}
