import { MqError } from '../../errors.ts';
import { encodeConsumerConnections } from '../../protocol/client-connections.ts';
import { getConsumerConnectionList } from '../../protocol/requests/get-consumer-connection-list.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { connectionOf } from '../client-channel.ts';

/**
 * GET_CONSUMER_CONNECTION_LIST: the members of a consumer group, and how it consumes, as the latest to join does.
 *
 * Source: RocketMQ 5.3 AdminBrokerProcessor.getConsumerConnectionList.
 */
export function getConsumerConnectionListProcessor({ consumers }: BrokerContext): Processor {
  return (request) => {
    const { consumerGroup } = getConsumerConnectionList.decodeRequest(request.extFields);
    const group = consumers.get(consumerGroup);
    const members = [...(group?.members.values() ?? [])];
    const latest = members.at(-1);
    if (group === undefined || latest === undefined) {
      throw new MqError('CONSUMER_NOT_ONLINE', `the consumer group[${consumerGroup}] not online`);
    }
    const { consumeType, consumeFromWhere } = latest;
    const { messageModel, subscriptions } = group;
    return {
      code: ResponseCode.SUCCESS,
      body: encodeConsumerConnections({
        connections: members.map(connectionOf),
        consumeType,
        messageModel,
        consumeFromWhere,
        subscriptions,
      }),
    };
  };
}
