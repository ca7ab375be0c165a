import { MqError } from '../../errors.ts';
import { decodeBatchBody } from '../../protocol/batch-body.ts';
import type { RemotingCommand } from '../../protocol/frame.ts';
import { UniqKeyGenerator } from '../../protocol/message-id.ts';
import {
  assertTopicName,
  isClosedToProducers,
  isRetryTopic,
  RETRY_PREFIX,
} from '../../protocol/names.ts';
import { readPlainProperties } from '../../protocol/plain-properties.ts';
import {
  decodeProperties,
  findProperty,
  PropertyKey,
  tagsCode,
} from '../../protocol/properties.ts';
import { ReceivedSend } from '../../protocol/received-send.ts';
import { encodeRecallHandle } from '../../protocol/recall-handle.ts';
import { RequestCode } from '../../protocol/request-code.ts';
import { sendMessage } from '../../protocol/requests/send-message.ts';
import { sendMessageV2 } from '../../protocol/requests/send-message-v2.ts';
import type { RequestOf, ResponseOf } from '../../protocol/define-request.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import { MessageSysFlag, Permission } from '../../protocol/sys-flag.ts';
import type { TopicConfig } from '../../protocol/topic-config.ts';
import type { Connection } from '../../remoting/connection.ts';
import type { Processor, Reply } from '../../remoting/processor.ts';
import type { AppendMessage, AppendResult } from '../../store/message-store.ts';
import type { BrokerContext } from '../broker-context.ts';
import { delayLevel } from '../delay-levels.ts';
import { isHalfMessage } from '../half-messages.ts';
import { PlainSend, type PlainOutcomes } from '../plain-send.ts';
import { RefusedSends } from '../refused-sends.ts';
import { invalidParameter, topicNotExist } from '../refusals.ts';
import { clientMaxReconsumeTimes } from '../retry-policy.ts';
import {
  asDeadLetter,
  checkProperties,
  checkRetryRoom,
  stamped,
  stampedPlain,
} from '../sent-properties.ts';
import { timerRequest } from '../timer-parking.ts';

type SendHeader = RequestOf<typeof sendMessage>;

const NO_BODY = Buffer.alloc(0);
/** What a send is answered with: of a message that waits, also what it can be taken back by. */
type Stored = AppendResult & { readonly recallHandle?: string };

/** What is decided about a message before it is stored. */
interface StoredAs {
  readonly topic: string;
  readonly queueId: number;
  readonly flag: number;
  readonly body: Buffer;
  readonly properties: string;
  readonly tagsCode: number;
  readonly waitsForStore: boolean;
}

interface Send {
  readonly request: RemotingCommand;
  readonly header: SendHeader;
  readonly body: Buffer;
  readonly connection: Connection;
}

/**
 * SEND_MESSAGE (10), SEND_MESSAGE_V2 (310), SEND_BATCH_MESSAGE (320): stores what a producer sends.
 *
 * Shape:  whether a request is a batch is decided by its code 320 or its batch flag: C++ sends batches as 310.
 * Order:  everything up to the store's append is synchronous for a known topic, so messages of one connection are
 *         stored in the order they came.
 * Errors: NO_PERMISSION, TOPIC_NOT_EXIST, MESSAGE_ILLEGAL, INVALID_PARAMETER, SUBSCRIPTION_GROUP_NOT_EXIST (a retry of
 *         an unknown group), SERVICE_NOT_AVAILABLE (store), FLUSH_DISK_TIMEOUT (stored, not yet safe).
 * Source: RocketMQ 5.3 SendMessageProcessor.java, AbstractSendMessageProcessor.msgCheck.
 */
export function sendMessageProcessor(context: BrokerContext): Processor {
  const { clock, config, store, topics } = context;
  const uniqKeys = new UniqKeyGenerator(context.advertised.address, process.pid, () => clock.now());

  const traceOn = String(config.traceOn);
  const cluster = config.brokerClusterName;

  const refused = new RefusedSends(context.peerClock, context.logger);

  const plainOutcomes: PlainOutcomes = {
    stored: replyToPlain,
    refused: (request, connection, error) => refused.note(request, connection.peer, error),
  };

  return (request, connection) => {
    try {
      const outcome = take(request, connection);
      if (outcome instanceof PlainSend) return outcome;
      return outcome.catch((error: unknown) => refuse(request, connection, error));
    } catch (error) {
      return refuse(request, connection, error);
    }
  };

  function refuse(request: RemotingCommand, connection: Connection, error: unknown): never {
    refused.note(request, connection.peer, error);
    throw error;
  }

  function take(request: RemotingCommand, connection: Connection): PlainSend | Promise<Reply> {
    const send: Send = {
      request,
      header: headerOf(request),
      body: request.body ?? NO_BODY,
      connection,
    };
    checkBroker();
    const isBatch = request.code === RequestCode.SEND_BATCH_MESSAGE || send.header.batch === true;
    if (isRetryTopic(send.header.topic)) return sendRetry(send, isBatch);
    const topic = topics.get(send.header.topic) ?? createTopic(send);
    if (isClosedToProducers(topic.topicName)) {
      throw new MqError('NO_PERMISSION', `topic[${topic.topicName}] is the broker's own`);
    }
    const queueId = chooseQueue(send, topic);
    if (isBatch) return sendBatch(send, queueId);
    return sendPlain(send, topic.topicName, queueId) ?? sendOne(send, topic.topicName, queueId);
  }

  function checkBroker(): void {
    if ((config.brokerPermission & Permission.WRITE) === 0) {
      throw new MqError(
        'NO_PERMISSION',
        `the broker[${config.brokerName}] sending message is forbidden: brokerPermission is ${config.brokerPermission}`,
      );
    }
  }

  function createTopic({ header }: Send): TopicConfig {
    assertTopicName(header.topic);
    const created = isClosedToProducers(header.topic)
      ? undefined
      : topics.createOnSend({
          topic: header.topic,
          defaultTopic: header.defaultTopic,
          queueNums: header.defaultTopicQueueNums,
        });
    if (created === undefined) throw topicNotExist(header.topic, config.autoCreateTopicEnable);
    return created;
  }

  function chooseQueue({ request, header }: Send, topic: TopicConfig): number {
    const queueCount = Math.max(topic.readQueueNums, topic.writeQueueNums);
    if (header.queueId >= queueCount) {
      throw invalidParameter(
        request,
        `queueId ${header.queueId} is outside the ${queueCount} queues of topic[${topic.topicName}]`,
      );
    }
    if (header.queueId >= 0) return header.queueId;
    return Math.floor(Math.random() * Math.max(1, topic.writeQueueNums));
  }

  /**
   * A consumer's own resend, when CONSUMER_SEND_MSG_BACK failed it. One retry too many goes to the DLQ at once, and so does
   * any while the group holds a queue lock: consumers in order retry in their queue, and resend only what they give up.
   *
   * A first try below the limit is nobody's giving up but a dead letter that is redriven, to be consumed in order, too;
   * there an original puts it back into the DLQ. Java gives up at the first failure under a limit of 0 only.
   */
  async function sendRetry(send: Send, isBatch: boolean): Promise<Reply> {
    const { header, request } = send;
    if (isBatch) {
      throw new MqError('MESSAGE_ILLEGAL', `a batch may not go to a retry topic: ${header.topic}`);
    }
    assertTopicName(header.topic);
    const groupName = header.topic.slice(RETRY_PREFIX.length);
    const group = context.groups.get(groupName);
    if (group === undefined) {
      throw new MqError(
        'SUBSCRIPTION_GROUP_NOT_EXIST',
        `subscription group not exist, ${groupName}`,
      );
    }
    const maxReconsumeTimes =
      clientMaxReconsumeTimes(request, header.maxReconsumeTimes) ?? group.retryMaxTimes;
    const reconsumeTimes = header.reconsumeTimes ?? 0;
    const isFirstTry = reconsumeTimes === 0 && maxReconsumeTimes > 0;
    const isGivenUp =
      reconsumeTimes > maxReconsumeTimes ||
      (!isFirstTry && context.queueLocks.isAnyHeld(groupName));
    if (isGivenUp) {
      const dlq = await topics.ensureDlqTopic(groupName);
      const properties = asDeadLetter(header.properties ?? '');
      return sendOne({ ...send, header: { ...header, properties } }, dlq.topicName, 0);
    }
    const retry = await topics.ensureRetryTopic(groupName, group.retryQueueNums);
    const reply = await sendOne(send, retry.topicName, chooseQueue(send, retry));
    if (isFirstTry) {
      const given = header.properties ?? '';
      context.logger.info('a dead letter is to be consumed again', {
        group: groupName,
        msgId: findProperty(given, PropertyKey.UNIQ_KEY),
        keys: findProperty(given, PropertyKey.KEYS),
        topic: findProperty(given, PropertyKey.RETRY_TOPIC),
      });
    }
    return reply;
  }

  /**
   * Stores the usual message, one that waits for nothing, without a promise on its way. Of such a message `sendOne` makes the
   * same; undefined when it is another, or its topic is still being saved.
   */
  function sendPlain(send: Send, topic: string, queueId: number): PlainSend | undefined {
    const { body, header } = send;
    const given = header.properties ?? '';
    const isOfTransaction = (header.sysFlag & MessageSysFlag.TRANSACTION_MASK) !== 0;
    if (isOfTransaction || topics.saving !== undefined) return undefined;
    const plain = readPlainProperties(given, cluster);
    if (plain === undefined) return undefined;
    checkBody(body);
    const uniqKey = plain.uniqKey ?? uniqKeys.next();
    const properties = stampedPlain(given, plain, uniqKey, cluster);
    checkRetryRoom(properties);
    const answer = new PlainSend(queueId, uniqKey, send.request, send.connection, plainOutcomes);
    const message = recordOf(send, {
      topic,
      queueId,
      flag: header.flag,
      body,
      properties,
      tagsCode: plain.tagsCode,
      waitsForStore: plain.waitsForStore,
    });
    store.appendFor(answer, message);
    return answer;
  }

  function replyToPlain(result: AppendResult, queueId: number, uniqKey: string): Reply {
    context.messagesPut.add(1);
    return replyWith(result.status, {
      msgId: result.offsetMsgId,
      queueId: String(queueId),
      queueOffset: String(result.queueOffset),
      transactionId: uniqKey,
      MSG_REGION: config.regionId,
      TRACE_ON: traceOn,
    });
  }

  async function sendOne(send: Send, topic: string, queueId: number): Promise<Reply> {
    const given = send.header.properties ?? '';
    const isRetry = isRetryTopic(send.header.topic);
    // What is resent was taken once, perhaps when maxMessageSize was larger.
    if (!isRetry) checkBody(send.body);
    const isHalf = sendsHalf(send.header, given);
    const uniqKey = findProperty(given, PropertyKey.UNIQ_KEY) ?? uniqKeys.next();
    const properties = stamped(given, uniqKey, cluster);
    if (!isRetry) checkRetryRoom(properties);
    const message = toMessage(send, topic, queueId, properties);
    const { saving } = topics;
    const result: Stored = await (isHalf
      ? context.transactions.prepare(message)
      : append(message, uniqKey));
    await saving;
    context.messagesPut.add(1);
    return reply(result.status, {
      msgId: result.offsetMsgId,
      queueId,
      queueOffset: result.queueOffset,
      transactionId: uniqKey,
      recallHandle: result.recallHandle,
    });
  }

  function sendsHalf(header: SendHeader, properties: string): boolean {
    if (!isHalfMessage(header, properties)) return false;
    if (!config.rejectTransactionMessage) return true;
    throw new MqError(
      'NO_PERMISSION',
      `the broker[${config.brokerName}] sending transaction message is forbidden: rejectTransactionMessage is true`,
    );
  }

  /** Stores a message where it belongs, or where it waits for its time. Synchronous up to the store's append. */
  async function append(message: AppendMessage, uniqKey: string): Promise<Stored> {
    const level = delayLevel(findProperty(message.propertiesString, PropertyKey.DELAY));
    const parked = level === 0 ? context.timers.park(message) : undefined;
    const stored =
      level === 0
        ? (parked?.message ?? message)
        : context.schedule.park(message, decodeProperties(message.propertiesString), level);
    checkProperties(stored.propertiesString);
    if (parked === undefined) return store.append(stored);
    if (parked.recalls !== undefined && !config.recallMessageEnable) {
      throw new MqError(
        'NO_PERMISSION',
        `${PropertyKey.TIMER_DEL_UNIQKEY} takes a message back, and recallMessageEnable is false`,
      );
    }
    const result = await context.timers.append(parked);
    if (parked.recalls !== undefined || isRetryTopic(message.topic)) return result;
    const { topic } = message;
    const { brokerName } = config;
    const timestampMs = parked.outMs + 1;
    const handle = { topic, brokerName, timestampMs, msgId: uniqKey };
    return { ...result, recallHandle: encodeRecallHandle(handle) };
  }

  async function sendBatch(send: Send, queueId: number): Promise<Reply> {
    const { header } = send;
    checkBody(send.body);
    const common = header.properties ?? '';
    assertVisibleAtOnce(header, common, 'the batch');
    const wait = findProperty(common, PropertyKey.WAIT);
    const uniqKeyList: string[] = [];
    const messages = decodeBatchBody(send.body).map((inner, index) => {
      const given = inner.propertiesString;
      const plain = readPlainProperties(given, cluster);
      // Of the header the batch's own properties tell, which have been looked at.
      if (plain === undefined) assertVisibleAtOnce(header, given, `batch message ${index}`);
      const uniqKey =
        (plain === undefined ? findProperty(given, PropertyKey.UNIQ_KEY) : plain.uniqKey) ??
        uniqKeys.next();
      uniqKeyList.push(uniqKey);
      const properties =
        plain === undefined
          ? stamped(given, uniqKey, cluster)
          : stampedPlain(given, plain, uniqKey, cluster);
      checkRetryRoom(properties);
      const tag = plain?.tagsCode ?? tagsCode(findProperty(properties, PropertyKey.TAGS));
      return recordOf(send, {
        topic: header.topic,
        queueId,
        flag: inner.flag,
        body: inner.body,
        properties,
        tagsCode: tag,
        waitsForStore: wait !== 'false',
      });
    });
    const { saving } = topics;
    const results = await store.appendBatch(messages);
    await saving;
    context.messagesPut.add(results.length);
    return reply(worstStatus(results), {
      msgId: results.map((result) => result.offsetMsgId).join(','),
      queueId,
      queueOffset: results[0]!.queueOffset,
      transactionId: uniqKeyList.join(','),
    });
  }

  /** What a batch says of all its messages counts as what one says of itself: neither may be stored as if it said nothing. */
  function assertVisibleAtOnce(header: SendHeader, properties: string, what: string): void {
    const level = delayLevel(findProperty(properties, PropertyKey.DELAY));
    if (level > 0) throw new MqError('MESSAGE_ILLEGAL', `${what} has a delay level, ${level}`);
    if (sendsHalf(header, properties)) {
      throw new MqError(
        'MESSAGE_ILLEGAL',
        `${what} is a half message (TRAN_MSG=true), and a batch is visible at once`,
      );
    }
    const timer = timerRequest(properties);
    if (timer === undefined) return;
    throw new MqError('MESSAGE_ILLEGAL', `${what} has ${timer.property}`);
  }

  function toMessage(
    send: Send,
    topic: string,
    queueId: number,
    properties: string,
  ): AppendMessage {
    return recordOf(send, {
      topic,
      queueId,
      flag: send.header.flag,
      body: send.body,
      properties,
      tagsCode: tagsCode(findProperty(properties, PropertyKey.TAGS)),
      waitsForStore: findProperty(properties, PropertyKey.WAIT) !== 'false',
    });
  }

  function recordOf({ header, connection }: Send, stored: StoredAs): AppendMessage {
    return {
      topic: stored.topic,
      queueId: stored.queueId,
      flag: stored.flag,
      sysFlag: header.sysFlag,
      bornTimestamp: header.bornTimestamp,
      bornHost: connection.remote,
      storeHost: context.advertised,
      reconsumeTimes: header.reconsumeTimes ?? 0,
      preparedTransactionOffset: 0,
      body: stored.body,
      propertiesString: stored.properties,
      tagsCode: stored.tagsCode,
      waitStoreOk: stored.waitsForStore,
    };
  }

  function checkBody(body: Buffer): void {
    if (body.length <= config.maxMessageSize) return;
    throw new MqError(
      'MESSAGE_ILLEGAL',
      `message body of ${body.length} bytes exceeds maxMessageSize ${config.maxMessageSize}`,
      { details: { bodyBytes: body.length, maxMessageSize: config.maxMessageSize } },
    );
  }

  function reply(status: AppendResult['status'], fields: ResponseOf<typeof sendMessage>): Reply {
    const { msgId, queueId, queueOffset, transactionId, recallHandle } = fields;
    return replyWith(
      status,
      sendMessage.encodeResponse({
        msgId,
        queueId,
        queueOffset,
        transactionId,
        recallHandle,
        MSG_REGION: config.regionId,
        TRACE_ON: traceOn,
      }),
    );
  }

  /** All members in one literal: what is put together with a spread has a shape of its own each time, slow to read. */
  function replyWith(status: AppendResult['status'], extFields: Reply['extFields']): Reply {
    const isSafe = status === 'PUT_OK';
    return {
      code: isSafe ? ResponseCode.SUCCESS : ResponseCode.FLUSH_DISK_TIMEOUT,
      remark: isSafe ? undefined : `stored, but not flushed within ${config.syncFlushTimeout} ms`,
      extFields,
      body: undefined,
    };
  }
}

function headerOf(request: RemotingCommand): SendHeader {
  if (request instanceof ReceivedSend) return request.header;
  const definition = request.code === RequestCode.SEND_MESSAGE ? sendMessage : sendMessageV2;
  return definition.decodeRequest(request.extFields);
}

function worstStatus(results: readonly AppendResult[]): AppendResult['status'] {
  return results.find((result) => result.status !== 'PUT_OK')?.status ?? 'PUT_OK';
}
