import { pollingInfo } from '../../protocol/requests/polling-info.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { admitPop } from '../pop-admission.ts';

/** POLLING_INFO. Source: RocketMQ 5.3 PollingInfoProcessor.java. */
export function pollingInfoProcessor(context: BrokerContext): Processor {
  return (request) => {
    const asked = pollingInfo.decodeRequest(request.extFields);
    admitPop(context, request, asked);
    const { consumerGroup, topic, queueId } = asked;
    const pollingNum = context.popping.popWaits.countOf(consumerGroup, topic, queueId);
    return { code: ResponseCode.SUCCESS, extFields: pollingInfo.encodeResponse({ pollingNum }) };
  };
}
