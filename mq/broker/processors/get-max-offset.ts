import { getMaxOffset } from '../../protocol/requests/get-max-offset.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/** Serves GET_MAX_OFFSET. A queue that does not exist is an empty one, as in the original. */
export function getMaxOffsetProcessor({ store }: BrokerContext): Processor {
  return (request) => {
    const { topic, queueId } = getMaxOffset.decodeRequest(request.extFields);
    return {
      code: ResponseCode.SUCCESS,
      extFields: getMaxOffset.encodeResponse({ offset: store.maxOffset(topic, queueId) }),
    };
  };
}
