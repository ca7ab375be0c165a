import { MqError } from '../../errors.ts';
import { pullMessage } from '../../protocol/requests/pull-message.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import { PullSysFlag } from '../../protocol/sys-flag.ts';
import type { Connection } from '../../remoting/connection.ts';
import type { Processor, Reply } from '../../remoting/processor.ts';
import type { GetRequest, GetResult, GetStatus } from '../../store/message-store.ts';
import type { BrokerContext } from '../broker-context.ts';
import type { MessageSelection } from '../message-selection.ts';
import { readableUntil } from '../foreign-messages.ts';
import { describeSelection } from '../group-subscriptions.ts';
import type { PullPosition } from '../pending-reset.ts';
import { rateKey } from '../../rates.ts';
import { admitPull, type Pull } from '../pull-admission.ts';

/** A single broker has no slave to suggest: consumers come back to the master. */
const MASTER_ID = 0;

/**
 * A pull that has come to the end and found nothing it wants is held this long before it is told so. Answered at once,
 * the consumer of a rare message would ask again for every other one that is stored.
 */
const FRUITLESS_HOLD_MS = 100;

/**
 * Serves PULL_MESSAGE, and LITE_PULL_MESSAGE, which has the same fields.
 *
 * A pull that finds nothing is held if it asks for that, and looks again when something arrives that it wants. Whether it
 * may pull at all is decided anew each time it looks, because topics are deleted, subscriptions change and groups are
 * reset while it waits.
 *
 * Source: RocketMQ 4.9 PullMessageProcessor.java.
 */
export function pullMessageProcessor(context: BrokerContext): Processor {
  return async (request, connection) => {
    let pull = pullMessage.decodeRequest(request.extFields);
    const { topic, queueId } = pull;
    let position = positionOf(pull);
    const deadlineMs = context.peerClock.monotonicMs() + holdMs(context, pull);
    let mayHold = (pull.sysFlag & PullSysFlag.SUSPEND) !== 0;
    let mayCommit = (pull.sysFlag & PullSysFlag.COMMIT_OFFSET) !== 0 && pull.commitOffset >= 0;
    let wantedFirst: string | undefined;
    for (;;) {
      const { selection, own, others } = admitPull(context, request, pull, connection);
      const queue = { group: pull.consumerGroup, topic, queueId };
      // What the pull that takes over a reset reports is the new place, which is stored, or from before it.
      if (context.offsets.pendingReset(queue) !== undefined) mayCommit = false;
      const resetTo = context.resets.movesPull(queue, position, connection);
      if (resetTo !== undefined) return movedReply(context, pull, resetTo);
      const wanted = own && describeSelection(own);
      // The consumer reads this answer as what it wanted when it asked: it is to ask again.
      if ((wantedFirst ??= wanted) !== wanted) return askAgain(context, pull);
      context.offsets.notePull(queue, pull.queueOffset);
      if (mayCommit) commit(context, pull, connection);
      mayCommit = false;
      const endOffset =
        others.length === 0 ? undefined : await endFor(context, pull, selection, others);
      const result = await context.store.get(getRequest(context, pull, selection, endOffset));
      const isFruitless = hasFoundNothingWanted(result);
      const isAnswer = !mayHold || !(isFruitless || isAtTheEnd(result, pull));
      // What arrived while the store was reading was announced to nobody.
      const hasGrown = context.store.maxOffset(topic, queueId) > result.maxOffset;
      if (isAnswer || (isFruitless && hasGrown)) {
        context.messagesGot.add(result.count);
        context.getRates.add(rateKey(topic, pull.consumerGroup), result.count);
        const reply = replyOf(result, pull);
        const bytes = reply.body?.length ?? 0;
        context.traffic.noteHandedOut(topic, pull.consumerGroup, result.count, bytes);
        return reply;
      }
      if (hasGrown) continue;
      const release = await context.longPolling.hold({
        consumerGroup: pull.consumerGroup,
        topic,
        queueId,
        queueOffset: result.nextBeginOffset,
        ...selection,
        deadlineMs: isFruitless ? soon(context, deadlineMs) : deadlineMs,
        owner: connection,
      });
      if (release === 'connection-closed') return replyOf(result, pull);
      if (isFruitless && release !== 'look-again') return replyOf(result, pull);
      if (release === 'too-many-held') {
        // An ordinary answer would bring the consumer back at once; after this one it waits three seconds.
        throw new MqError(
          'SYSTEM_BUSY',
          `[OVERLOAD]system busy, start flow control for a while: ${context.longPolling.heldCount} pulls are held already`,
          {
            retriable: true,
          },
        );
      }
      position = { ...position, wasHeld: true };
      pull = { ...pull, queueOffset: result.nextBeginOffset };
      mayHold = release === 'look-again';
    }
  };
}

/** Nothing, and to go on at the same offset. */
function askAgain({ store }: BrokerContext, pull: Pull): Reply {
  const { topic, queueId, queueOffset } = pull;
  const [minOffset, maxOffset] = [store.minOffset(topic, queueId), store.maxOffset(topic, queueId)];
  const nothing = { buffers: [], count: 0, nextBeginOffset: queueOffset, minOffset, maxOffset };
  return replyOf({ status: 'NO_MATCHED_MESSAGE', ...nothing }, pull);
}

/**
 * Up to where a member may read whose group wants different things of the topic.
 *
 * Errors: SUBSCRIPTION_NOT_LATEST when the next message is one that others want and this one does not.
 */
async function endFor(
  { store }: BrokerContext,
  pull: Pull,
  own: MessageSelection,
  others: readonly MessageSelection[],
): Promise<number> {
  const { endOffset, isForeign } = await readableUntil(store, pull, own, others);
  if (!isForeign || endOffset > pull.queueOffset) return endOffset;
  throw new MqError(
    'SUBSCRIPTION_NOT_LATEST',
    `the consumer's subscription not latest: another member of group ${pull.consumerGroup} wants message ` +
      `${endOffset} of ${pull.topic}:${pull.queueId}, which this one does not subscribe to; it waits until they ` +
      'subscribe alike',
  );
}

/** All the way to the end of the queue. */
function hasFoundNothingWanted({ status, nextBeginOffset, maxOffset }: GetResult): boolean {
  return status === 'NO_MATCHED_MESSAGE' && nextBeginOffset >= maxOffset;
}

function soon({ peerClock }: BrokerContext, deadlineMs: number): number {
  return Math.min(deadlineMs, peerClock.monotonicMs() + FRUITLESS_HOLD_MS);
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

/** Where its sender is: what a held pull has been looking past meanwhile, that one does not know of. */
function positionOf({ sysFlag, queueOffset, commitOffset }: Pull): PullPosition {
  const hasCommit = (sysFlag & PullSysFlag.COMMIT_OFFSET) !== 0 && commitOffset >= 0;
  return { queueOffset, commitOffset: hasCommit ? commitOffset : undefined, wasHeld: false };
}

function movedReply({ store }: BrokerContext, pull: Pull, nextBeginOffset: number): Reply {
  return {
    code: ResponseCode.PULL_OFFSET_MOVED,
    remark: 'OFFSET_RESET',
    extFields: pullMessage.encodeResponse({
      suggestWhichBrokerId: MASTER_ID,
      nextBeginOffset,
      minOffset: store.minOffset(pull.topic, pull.queueId),
      maxOffset: store.maxOffset(pull.topic, pull.queueId),
    }),
  };
}

/** One literal, as whatever passes by the hundred thousand: put together with spreads, each has a shape of its own. */
function getRequest(
  context: BrokerContext,
  pull: Pull,
  selection: MessageSelection,
  endOffset: number | undefined,
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
    endOffset,
    tagsCodes: selection.tagsCodes,
    filter: selection.filter,
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
