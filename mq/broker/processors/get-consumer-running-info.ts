import { getConsumerRunningInfo } from '../../protocol/requests/get-consumer-running-info.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { callConsumer } from '../call-consumer.ts';

/** GET_CONSUMER_RUNNING_INFO: what a consumer is doing, in its own words. Errors: see callConsumer. */
export function getConsumerRunningInfoProcessor(context: BrokerContext): Processor {
  return (request) => {
    const { code, extFields } = request;
    const { consumerGroup, clientId } = getConsumerRunningInfo.decodeRequest(extFields);
    return callConsumer(context, { code, consumerGroup, clientId, extFields });
  };
}
