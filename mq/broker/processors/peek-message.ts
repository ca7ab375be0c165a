import { peekMessage } from '../../protocol/requests/peek-message.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { admitPop } from '../pop-admission.ts';
import { poppedQueues, retryFirst } from '../pop-queues.ts';
import { invalidParameter } from '../refusals.ts';
import { recordsOf } from '../stored-records.ts';

const MAX_MESSAGES = 32;

/** PEEK_MESSAGE. Source: RocketMQ 5.3 PeekMessageProcessor.java. */
export function peekMessageProcessor(context: BrokerContext): Processor {
  const { config, store, topics } = context;
  const { popReading } = context.popping;
  return async (request) => {
    const peek = peekMessage.decodeRequest(request.extFields);
    const { readQueueNums } = admitPop(context, request, peek);
    if (peek.maxMsgNums < 1 || peek.maxMsgNums > MAX_MESSAGES) {
      throw invalidParameter(
        request,
        `maxMsgNums is ${peek.maxMsgNums}, not in 1..${MAX_MESSAGES}`,
      );
    }
    const { normal, retry } = poppedQueues(topics, peek, readQueueNums);
    const isRetryFirst = retryFirst(config.popFromRetryProbability);
    const records: Buffer[] = [];
    let bytes = 0;
    let restNum = 0;
    for (const source of isRetryFirst ? [...retry, ...normal] : [...normal, ...retry]) {
      const room = peek.maxMsgNums - records.length;
      const bytesLeft = config.maxTransferBytesOnMessageInMemory - bytes;
      let next = popReading.nextOffset(source);
      if (room > 0 && (bytesLeft > 0 || records.length === 0)) {
        const found = await popReading.peek(source, room, Math.max(1, bytesLeft));
        for (const record of recordsOf(found.buffers)) {
          records.push(record);
          bytes += record.length;
        }
        next = found.nextBeginOffset;
      }
      restNum += Math.max(0, store.maxOffset(source.topic, source.queueId) - next);
    }
    const isFound = records.length > 0;
    return {
      code: isFound ? ResponseCode.SUCCESS : ResponseCode.PULL_NOT_FOUND,
      remark: isFound ? 'FOUND' : 'NO_MESSAGE_IN_QUEUE',
      extFields: peekMessage.encodeResponse({
        popTime: context.clock.now(),
        invisibleTime: 0,
        reviveQid: 0,
        restNum,
      }),
      body: isFound ? Buffer.concat(records) : undefined,
    };
  };
}
