import { ackMessage } from '../../protocol/requests/ack-message.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { ackPopped, namedPop } from '../named-pop.ts';

/**
 * ACK_MESSAGE. An acknowledgement that comes too late, or twice, is answered as any other: what it was for has come again,
 * or is done.
 */
export function ackMessageProcessor(context: BrokerContext): Processor {
  return async (request) => {
    const ack = ackMessage.decodeRequest(request.extFields);
    const { name, isOrdered } = namedPop(context, ack);
    await ackPopped(context, name, isOrdered, [ack.offset]);
    return { code: ResponseCode.SUCCESS };
  };
}
