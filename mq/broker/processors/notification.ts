import { notification } from '../../protocol/requests/notification.ts';
import { SUBSCRIBE_ALL, TAG_EXPRESSION } from '../../protocol/subscription.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor, Reply } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { admitPop } from '../pop-admission.ts';
import { poppedQueues } from '../pop-queues.ts';
import { selectionOf } from '../pull-admission.ts';

/** NOTIFICATION. Its hold counts from when it arrived, as that of POP_MESSAGE. Source: RocketMQ 5.3 NotificationProcessor.java. */
export function notificationProcessor(context: BrokerContext): Processor {
  const { popReading, notificationWaits } = context.popping;

  return async (request, connection) => {
    const asked = notification.decodeRequest(request.extFields);
    const { consumerGroup, topic, queueId, attemptId } = asked;
    const deadlineMs = context.peerClock.monotonicMs() + Math.max(0, asked.pollTime);
    const ordered = asked.order === true ? { attemptId } : undefined;
    for (let mayHold = true; ;) {
      const { readQueueNums } = admitPop(context, request, asked);
      const { expType = TAG_EXPRESSION, exp = SUBSCRIBE_ALL } = asked;
      const selection = selectionOf(context, topic, expType, exp);
      const { normal, retry } = poppedQueues(context.topics, asked, readQueueNums);
      const hasMsg = [...normal, ...(ordered === undefined ? retry : [])].some((source) =>
        popReading.hasMessages(source, ordered),
      );
      if (hasMsg || !mayHold) return replyOf({ hasMsg });
      const wait = { consumerGroup, topic, queueId, selection, deadlineMs, owner: connection };
      const release = await notificationWaits.hold(wait);
      if (release === 'too-many-held') return replyOf({ hasMsg: false, pollingFull: true });
      mayHold = release === 'look-again';
    }
  };
}

function replyOf(values: Parameters<typeof notification.encodeResponse>[0]): Reply {
  return {
    code: ResponseCode.SUCCESS,
    extFields: notification.encodeResponse({ pollingFull: false, ...values }),
  };
}
