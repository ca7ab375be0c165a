import { addWritePermOfBroker } from '../../protocol/requests/add-write-perm-of-broker.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { NameServerContext } from '../name-server-context.ts';

/** ADD_WRITE_PERM_OF_BROKER: shows a broker in all routes with the permissions it registered. */
export function addWritePermOfBrokerProcessor({ routes, logger }: NameServerContext): Processor {
  return (request) => {
    const { brokerName } = addWritePermOfBroker.decodeRequest(request.extFields);
    const topicCount = routes.addWritePerm(brokerName);
    logger.info('write permission of a broker given back', { brokerName, topics: topicCount });
    return {
      code: ResponseCode.SUCCESS,
      extFields: addWritePermOfBroker.encodeResponse({ addTopicCount: topicCount }),
    };
  };
}
