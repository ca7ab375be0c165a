import { MqError } from '../../errors.ts';
import { encodeProducerConnections } from '../../protocol/client-connections.ts';
import { getProducerConnectionList } from '../../protocol/requests/get-producer-connection-list.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { connectionOf } from '../client-channel.ts';

/**
 * GET_PRODUCER_CONNECTION_LIST: the members of a producer group.
 *
 * Source: RocketMQ 5.3 AdminBrokerProcessor.getProducerConnectionList.
 */
export function getProducerConnectionListProcessor({ producers }: BrokerContext): Processor {
  return (request) => {
    const { producerGroup } = getProducerConnectionList.decodeRequest(request.extFields);
    const members = producers.members(producerGroup);
    if (members.length === 0) {
      throw new MqError('SYSTEM_ERROR', `the producer group[${producerGroup}] not exist`);
    }
    return {
      code: ResponseCode.SUCCESS,
      body: encodeProducerConnections(members.map(connectionOf)),
    };
  };
}
