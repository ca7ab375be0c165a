import { decodeClientConfigBody } from '../../protocol/client-config.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { selectionOf } from '../pull-admission.ts';

/** Serves CHECK_CLIENT_CONFIG: consumers ask before they use an expression that is no list of tags. */
export function checkClientConfigProcessor(context: BrokerContext): Processor {
  return (request) => {
    const { topic, expressionType, subString } = decodeClientConfigBody(
      request.body,
    ).subscriptionData;
    selectionOf(context, topic, expressionType, subString);
    return { code: ResponseCode.SUCCESS };
  };
}
