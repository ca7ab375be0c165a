import { MqError } from '../../errors.ts';
import { pullMessage } from '../../protocol/requests/pull-message.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import { PullSysFlag } from '../../protocol/sys-flag.ts';
import type { Connection } from '../../remoting/connection.ts';
import type { Processor, Reply } from '../../remoting/processor.ts';
import type { GetRequest, GetResult, GetStatus } from '../../store/message-store.ts';
import type { BrokerContext } from '../broker-context.ts';
import { admitPull, type Pull } from '../pull-admission.ts';

/** A single broker has no slave to suggest: consumers come back to the master. */
const MASTER_ID = 0;

/**
 * Serves PULL_MESSAGE, and LITE_PULL_MESSAGE, which has the same fields.
 *
 * A pull that finds nothing is held if it asks for that, and looks again when something arrives. Whether it may pull
 * at all is decided anew each time it looks, because topics are deleted and subscriptions change while it waits.
 *
 * Source: RocketMQ 4.9 PullMessageProcessor.java.
 */
export function pullMessageProcessor(context: BrokerContext): Processor {
  return async (request, connection) => {
    const pull = pullMessage.decodeRequest(request.extFields);
    const deadlineMs = context.peerClock.monotonicMs() + holdMs(context, pull);
    let mayHold = (pull.sysFlag & PullSysFlag.SUSPEND) !== 0;
    let mayCommit = (pull.sysFlag & PullSysFlag.COMMIT_OFFSET) !== 0 && pull.commitOffset >= 0;
    for (;;) {
      const tagsCodes = admitPull(context, request, pull);
      if (mayCommit) commit(context, pull, connection);
      mayCommit = false;
      const result = await context.store.get(getRequest(context, pull, tagsCodes));
      if (!mayHold || !isAtTheEnd(result, pull)) {
        context.messagesGot.add(result.count);
        return replyOf(result, pull);
      }
      const { topic, queueId, queueOffset } = pull;
      // What arrived while the store was reading was announced to nobody.
      if (context.store.maxOffset(topic, queueId) > result.maxOffset) continue;
      const held = { topic, queueId, queueOffset, tagsCodes, deadlineMs, owner: connection };
      const release = await context.longPolling.hold(held);
      if (release === 'connection-closed') return replyOf(result, pull);
      if (release === 'too-many-held') {
        // An ordinary answer would bring the consumer back at once; after this one it waits three seconds.
        throw new MqError(
          'SYSTEM_BUSY',
          `${context.longPolling.heldCount} pulls are held already`,
          {
            retriable: true,
          },
        );
      }
      mayHold = release === 'look-again';
    }
  };
}

function holdMs(context: BrokerContext, pull: Pull): number {
  const { longPollingEnable, shortPollingTimeMills } = context.config;
  return Math.max(0, longPollingEnable ? pull.suspendTimeoutMillis : shortPollingTimeMills);
}

function commit(context: BrokerContext, pull: Pull, connection: Connection): void {
  context.offsets.commit({
    group: pull.consumerGroup,
    topic: pull.topic,
    queueId: pull.queueId,
    queueOffset: pull.commitOffset,
    client: connection.peer,
  });
}

function getRequest(
  context: BrokerContext,
  pull: Pull,
  tagsCodes: ReadonlySet<number> | undefined,
): GetRequest {
  const { maxTransferCountOnMessageInMemory, maxTransferBytesOnMessageInMemory } = context.config;
  const wantedBytes = pull.maxMsgBytes ?? 0;
  return {
    topic: pull.topic,
    queueId: pull.queueId,
    queueOffset: pull.queueOffset,
    maxCount: Math.min(Math.max(1, pull.maxMsgNums), maxTransferCountOnMessageInMemory),
    maxBytes: Math.min(
      wantedBytes > 0 ? wantedBytes : maxTransferBytesOnMessageInMemory,
      maxTransferBytesOnMessageInMemory,
    ),
    tagsCodes,
  };
}

/** Nothing at this offset and nothing behind it; a hole in the queue is not worth waiting at. */
function isAtTheEnd(result: GetResult, pull: Pull): boolean {
  return (
    codeOf(result, pull) === ResponseCode.PULL_NOT_FOUND &&
    result.nextBeginOffset === pull.queueOffset
  );
}

const codes: Record<GetStatus, ResponseCode> = {
  FOUND: ResponseCode.SUCCESS,
  NO_MATCHED_MESSAGE: ResponseCode.PULL_RETRY_IMMEDIATELY,
  MESSAGE_WAS_REMOVING: ResponseCode.PULL_RETRY_IMMEDIATELY,
  OFFSET_OVERFLOW_ONE: ResponseCode.PULL_NOT_FOUND,
  OFFSET_FOUND_NULL: ResponseCode.PULL_NOT_FOUND,
  NO_MESSAGE_IN_QUEUE: ResponseCode.PULL_NOT_FOUND,
  NO_MATCHED_LOGIC_QUEUE: ResponseCode.PULL_NOT_FOUND,
  OFFSET_TOO_SMALL: ResponseCode.PULL_OFFSET_MOVED,
  OFFSET_OVERFLOW_BADLY: ResponseCode.PULL_OFFSET_MOVED,
};

function codeOf({ status, nextBeginOffset }: GetResult, pull: Pull): ResponseCode {
  const code = codes[status];
  // In an empty queue every offset but 0 is beyond the end.
  const isEmptyQueue = status === 'NO_MESSAGE_IN_QUEUE' || status === 'NO_MATCHED_LOGIC_QUEUE';
  return isEmptyQueue && pull.queueOffset !== nextBeginOffset
    ? ResponseCode.PULL_OFFSET_MOVED
    : code;
}

/** The queue of an admitted pull exists, whether or not the store has a file for it yet. */
function remarkOf({ status }: GetResult): string {
  return status === 'NO_MATCHED_LOGIC_QUEUE' ? 'NO_MESSAGE_IN_QUEUE' : status;
}

/** Java clients fail on a 0, 19, 20 or 21 that lacks one of the fields. */
function replyOf(result: GetResult, pull: Pull): Reply {
  return {
    code: codeOf(result, pull),
    remark: remarkOf(result),
    extFields: pullMessage.encodeResponse({
      suggestWhichBrokerId: MASTER_ID,
      nextBeginOffset: result.nextBeginOffset,
      minOffset: result.minOffset,
      maxOffset: result.maxOffset,
    }),
    body: result.buffers.length > 1 ? Buffer.concat(result.buffers) : result.buffers[0],
  };
}
