import { MqError } from '../../errors.ts';
import type { HostAddress } from '../../protocol/host-address.ts';
import { decodeRecallHandle, type RecallHandle } from '../../protocol/recall-handle.ts';
import { encodeProperties, PropertyKey, tagsCode } from '../../protocol/properties.ts';
import { recallMessage } from '../../protocol/requests/recall-message.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import { Permission } from '../../protocol/sys-flag.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { AppendMessage } from '../../store/message-store.ts';
import type { BrokerContext } from '../broker-context.ts';
import { recallKey } from '../timer-recalls.ts';

const RECALL_TAG = '_RECALL_TAG_';

/**
 * RECALL_MESSAGE: stores the wish to take a message back beside the message; the two meet when the message is due.
 *
 * Order:  answered when the wish is as safe as a send would be. From the request on the message is not delivered before
 *         that is decided, and never after SUCCESS.
 * Errors: see the request. Whether a message of that id waits is not looked up, only whether one waits for its time.
 * Source: RocketMQ 5.3 RecallMessageProcessor.java.
 */
export function recallMessageProcessor(context: BrokerContext): Processor {
  const { config, timers, topics, clock } = context;

  return async (request, connection) => {
    const header = recallMessage.decodeRequest(request.extFields);
    if (!config.recallMessageEnable) {
      throw new MqError(
        'NO_PERMISSION',
        'recall failed, operation is forbidden: recallMessageEnable is false',
      );
    }
    if ((config.brokerPermission & Permission.WRITE) === 0) {
      throw new MqError(
        'SERVICE_NOT_AVAILABLE',
        `recall failed, broker service not available: brokerPermission is ${config.brokerPermission}`,
      );
    }
    if (topics.get(header.topic) === undefined) {
      throw new MqError('TOPIC_NOT_EXIST', `recall failed, the topic[${header.topic}] not exist`);
    }
    const handle = checkedHandle(header.topic, header.recallHandle);
    const outMs = awaitedTime(handle);
    const recall = toMessage(handle, outMs, header.producerGroup, connection.remote);
    const { status } = await timers.append(timers.parkUntil(recall, outMs));
    const isSafe = status === 'PUT_OK';
    return {
      code: isSafe ? ResponseCode.SUCCESS : ResponseCode.FLUSH_DISK_TIMEOUT,
      remark: isSafe ? undefined : 'stored, but not flushed: a power cut now would undo the recall',
      extFields: recallMessage.encodeResponse({
        msgId: handle.msgId,
        MSG_REGION: config.regionId,
      }),
    };
  };

  function checkedHandle(topic: string, text: string): RecallHandle {
    let handle: RecallHandle;
    try {
      handle = decodeRecallHandle(text);
    } catch (cause) {
      throw new MqError('ILLEGAL_OPERATION', 'recall handle is invalid', { cause });
    }
    if (handle.topic !== topic) {
      throw new MqError(
        'ILLEGAL_OPERATION',
        `recall failed, topic not match: the request is for ${topic}, the handle for ${handle.topic}`,
      );
    }
    if (handle.brokerName !== config.brokerName) {
      throw new MqError(
        'ILLEGAL_OPERATION',
        `recall failed, broker service not available: the handle is for ${handle.brokerName}, this is ${config.brokerName}`,
      );
    }
    return handle;
  }

  /** What the message waits for: TIMER_OUT_MS, which an original rounded down by up to a second. */
  function awaitedTime(handle: RecallHandle): number {
    const outMs = handle.timestampMs - 1;
    const awaited = [outMs, outMs + 1_000].find((each) => timers.isAwaited(each));
    if (awaited === undefined) throw notWaiting(handle);
    return awaited;
  }

  function toMessage(
    handle: RecallHandle,
    outMs: number,
    producerGroup: string | undefined,
    bornHost: HostAddress,
  ): AppendMessage {
    const properties = new Map<string, string>([
      [PropertyKey.TAGS, RECALL_TAG],
      [PropertyKey.TIMER_DEL_UNIQKEY, recallKey(handle.topic, handle.msgId)],
      [PropertyKey.UNIQ_KEY, handle.msgId],
      [PropertyKey.TIMER_DELIVER_MS, String(outMs)],
    ]);
    if (producerGroup !== undefined && producerGroup !== '') {
      properties.set(PropertyKey.PGROUP, producerGroup);
    }
    return {
      topic: handle.topic,
      queueId: 0,
      flag: 0,
      sysFlag: 0,
      bornTimestamp: clock.now(),
      bornHost,
      storeHost: context.advertised,
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body: Buffer.from('0'),
      propertiesString: encodeProperties(properties),
      tagsCode: tagsCode(RECALL_TAG),
    };
  }
}

function notWaiting(handle: RecallHandle): MqError {
  return new MqError(
    'ILLEGAL_OPERATION',
    `recall failed, timestamp invalid: no message waits for ${handle.timestampMs - 1}; it is delivered, or was never here`,
    { details: { timestampMs: handle.timestampMs } },
  );
}
