import { wipeWritePermOfBroker } from '../../protocol/requests/wipe-write-perm-of-broker.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { NameServerContext } from '../name-server-context.ts';

/** WIPE_WRITE_PERM_OF_BROKER: shows a broker as read-only in all routes, until it is told otherwise or the broker leaves. */
export function wipeWritePermOfBrokerProcessor({ routes, logger }: NameServerContext): Processor {
  return (request) => {
    const { brokerName } = wipeWritePermOfBroker.decodeRequest(request.extFields);
    const topicCount = routes.wipeWritePerm(brokerName);
    logger.info('write permission of a broker wiped', { brokerName, topics: topicCount });
    return {
      code: ResponseCode.SUCCESS,
      extFields: wipeWritePermOfBroker.encodeResponse({ wipeTopicCount: topicCount }),
    };
  };
}
