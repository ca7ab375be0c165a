import { unregisterClient } from '../../protocol/requests/unregister-client.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/**
 * Serves UNREGISTER_CLIENT. A client leaves by the connection it joined on, so it can only speak for itself.
 *
 * Source: RocketMQ 4.9 ClientManageProcessor.unregisterClient.
 */
export function unregisterClientProcessor(context: BrokerContext): Processor {
  return (request, connection) => {
    const { producerGroup, consumerGroup } = unregisterClient.decodeRequest(request.extFields);
    return context.clientChannels.inTurn(connection, () => {
      if (producerGroup !== undefined) context.producers.unregister(producerGroup, connection);
      if (consumerGroup !== undefined) context.consumers.unregister(consumerGroup, connection);
      return { code: ResponseCode.SUCCESS };
    });
  };
}
