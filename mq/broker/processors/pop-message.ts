import {
  msgOffsetInfo,
  orderCountInfo,
  POP_ORDER_REVIVE_QUEUE,
  startOffsetInfo,
} from '../../protocol/pop-handle.ts';
import { popMessage } from '../../protocol/requests/pop-message.ts';
import { SUBSCRIBE_ALL, TAG_EXPRESSION } from '../../protocol/subscription.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { RequestOf } from '../../protocol/define-request.ts';
import type { RemotingCommand } from '../../protocol/frame.ts';
import type { Processor, Reply } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import type { MessageSelection } from '../message-selection.ts';
import { admitPop } from '../pop-admission.ts';
import { poppedQueues, retryFirst } from '../pop-queues.ts';
import { emptyPopResult, type PopRequest, type PopResult } from '../pop-reading.ts';
import { selectionOf } from '../pull-admission.ts';
import { invalidParameter } from '../refusals.ts';

/** As in the original, for one pop. */
const MAX_MESSAGES = 32;
/** initMode: ConsumeInitMode.MIN. */
const BEGIN_AT_FIRST = 0;

type Pop = RequestOf<typeof popMessage>;

/**
 * Serves POP_MESSAGE: redeliveries first now and then, the queues from a random one on, and a hold when there is nothing.
 *
 * How long a pop is held counts from when it arrived. The original takes the client's bornTime and answers at once where the
 * clocks of the two machines differ.
 *
 * Source: RocketMQ 5.3 PopMessageProcessor.java.
 */
export function popMessageProcessor(context: BrokerContext): Processor {
  const { config, store } = context;
  const { pops, popReading, popWaits } = context.popping;

  return async (request, connection) => {
    const pop = popMessage.decodeRequest(request.extFields);
    check(request, pop);
    const { consumerGroup, topic, queueId } = pop;
    const deadlineMs = context.peerClock.monotonicMs() + Math.max(0, pop.pollTime);
    for (let mayHold = true; ;) {
      const { readQueueNums } = admitPop(context, request, pop);
      const selection = selectionOf(
        context,
        topic,
        pop.expType ?? TAG_EXPRESSION,
        pop.exp ?? SUBSCRIBE_ALL,
      );
      const asked = popRequest(pop, selection, () => connection.isOpen);
      const result = emptyPopResult();
      const queues = poppedQueues(context.topics, pop, readQueueNums);
      const headBefore = headOf(queues);
      const isRetryFirst = !asked.isOrdered && retryFirst(config.popFromRetryProbability);
      const turns = asked.isOrdered
        ? [queues.normal]
        : isRetryFirst
          ? [queues.retry, queues.normal]
          : [queues.normal, queues.retry];
      for (const source of turns.flat()) {
        // A redelivery was wanted once: what the group wants now must not keep it from being acknowledged.
        const isRetry = source.topic !== topic;
        await popReading.take(source, isRetry ? { ...asked, selection: {} } : asked, result);
      }
      if (result.records.length > 0) {
        if (result.restCount > 0) popWaits.wake(consumerGroup, topic, queueId);
        const count = result.records.length;
        context.messagesGot.add(count);
        const reply = replyOf(ResponseCode.SUCCESS, 'FOUND', asked, result);
        context.traffic.noteHandedOut(topic, consumerGroup, count, reply.body?.length ?? 0);
        return reply;
      }
      if (!connection.isOpen) return nothing(ResponseCode.POLLING_TIMEOUT, asked, result);
      if (result.isCutShort) {
        // A long stretch for others: let them have their turn before going on.
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      // What arrived while the store was reading was announced to nobody.
      if (headOf(queues) > headBefore) continue;
      if (!mayHold) return nothing(ResponseCode.POLLING_TIMEOUT, asked, result);
      const wait = { consumerGroup, topic, queueId, selection, deadlineMs, owner: connection };
      const release = await popWaits.hold(wait);
      if (release === 'too-many-held') return nothing(ResponseCode.POLLING_FULL, asked, result);
      mayHold = release === 'look-again';
    }
  };

  function check(request: RemotingCommand, pop: Pop): void {
    const { maxMsgNums, invisibleTime } = pop;
    if (maxMsgNums < 1 || maxMsgNums > MAX_MESSAGES) {
      throw invalidParameter(
        request,
        `the broker[${config.brokerName}] pop message's num is ${maxMsgNums}, not in 1..${MAX_MESSAGES}`,
      );
    }
    const mostMs = config.timerMaxDelaySec * 1000;
    if (invisibleTime < 1 || invisibleTime > mostMs) {
      throw invalidParameter(
        request,
        `invisibleTime is ${invisibleTime} ms, not in 1..${mostMs} (timerMaxDelaySec)`,
      );
    }
  }

  function popRequest(pop: Pop, selection: MessageSelection, isWanted: () => boolean): PopRequest {
    const isOrdered = pop.order === true;
    return {
      consumerGroup: pop.consumerGroup,
      topic: pop.topic,
      isOrdered,
      attemptId: pop.attemptId,
      maxCount: pop.maxMsgNums,
      maxBytes: config.maxTransferBytesOnMessageInMemory,
      popTime: context.clock.now(),
      invisibleTime: pop.invisibleTime,
      reviveQid: isOrdered ? POP_ORDER_REVIVE_QUEUE : pops.nextReviveQid(),
      beginsAt: pop.initMode === BEGIN_AT_FIRST ? 'first' : 'end',
      selection,
      isWanted,
    };
  }

  function headOf(queues: ReturnType<typeof poppedQueues>): number {
    return [...queues.normal, ...queues.retry].reduce(
      (sum, { topic, queueId }) => sum + store.maxOffset(topic, queueId),
      0,
    );
  }
}

function nothing(code: ResponseCode, asked: PopRequest, result: PopResult): Reply {
  return replyOf(code, 'NO_MESSAGE_IN_QUEUE', asked, result);
}

function replyOf(code: ResponseCode, remark: string, asked: PopRequest, result: PopResult): Reply {
  const { ranges, records, orderCounts, restCount } = result;
  return {
    code,
    remark,
    extFields: popMessage.encodeResponse({
      popTime: asked.popTime,
      invisibleTime: asked.invisibleTime,
      reviveQid: asked.reviveQid,
      restNum: restCount,
      startOffsetInfo: startOffsetInfo(ranges),
      msgOffsetInfo: msgOffsetInfo(ranges),
      ...(orderCounts.length > 0 && { orderCountInfo: orderCountInfo(orderCounts) }),
    }),
    body: records.length === 0 ? undefined : Buffer.concat(records),
  };
}
