import { MqError } from '../../errors.ts';
import { encodeConsumerList } from '../../protocol/consumer-list.ts';
import { getConsumerListByGroup } from '../../protocol/requests/get-consumer-list-by-group.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/** Serves GET_CONSUMER_LIST_BY_GROUP. An empty group is SYSTEM_ERROR, which every client reads as an empty list. */
export function getConsumerListByGroupProcessor(context: BrokerContext): Processor {
  return (request) => {
    const { consumerGroup } = getConsumerListByGroup.decodeRequest(request.extFields);
    const clientIds = context.consumers.clientIds(consumerGroup);
    if (clientIds.length === 0) {
      throw new MqError('SYSTEM_ERROR', `no consumer for this group, ${consumerGroup}`);
    }
    return { code: ResponseCode.SUCCESS, body: encodeConsumerList(clientIds) };
  };
}
