import { resumeCheckHalfMessage } from '../../protocol/requests/resume-check-half-message.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/**
 * RESUME_CHECK_HALF_MESSAGE: an operator wants a half message that was given up to be checked again.
 *
 * Source: RocketMQ 5.3 AdminBrokerProcessor.resumeCheckHalfMessage.
 */
export function resumeCheckHalfMessageProcessor({ transactions }: BrokerContext): Processor {
  return async (request) => {
    const { msgId } = resumeCheckHalfMessage.decodeRequest(request.extFields);
    await transactions.resume(msgId);
    return { code: ResponseCode.SUCCESS };
  };
}
