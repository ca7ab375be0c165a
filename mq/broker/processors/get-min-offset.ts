import { getMinOffset } from '../../protocol/requests/get-min-offset.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/** Serves GET_MIN_OFFSET. A queue that does not exist is an empty one, as in the original. */
export function getMinOffsetProcessor({ store }: BrokerContext): Processor {
  return (request) => {
    const { topic, queueId } = getMinOffset.decodeRequest(request.extFields);
    return {
      code: ResponseCode.SUCCESS,
      extFields: getMinOffset.encodeResponse({ offset: store.minOffset(topic, queueId) }),
    };
  };
}
