import { getEarliestMsgStoretime } from '../../protocol/requests/get-earliest-msg-storetime.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/** Serves GET_EARLIEST_MSG_STORETIME: -1 for an empty queue, and for one that does not exist. */
export function getEarliestMsgStoretimeProcessor({ store }: BrokerContext): Processor {
  return (request) => {
    const { topic, queueId } = getEarliestMsgStoretime.decodeRequest(request.extFields);
    const timestamp = store.earliestStoreTime(topic, queueId);
    return {
      code: ResponseCode.SUCCESS,
      extFields: getEarliestMsgStoretime.encodeResponse({ timestamp }),
    };
  };
}
