import { searchOffsetByTimestamp } from '../../protocol/requests/search-offset-by-timestamp.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/** Serves SEARCH_OFFSET_BY_TIMESTAMP. A queue that does not exist is an empty one, as in the original. */
export function searchOffsetByTimestampProcessor({ store }: BrokerContext): Processor {
  return (request) => {
    const search = searchOffsetByTimestamp.decodeRequest(request.extFields);
    const offset = store.offsetByTime(search.topic, search.queueId, search.timestamp);
    return {
      code: ResponseCode.SUCCESS,
      extFields: searchOffsetByTimestamp.encodeResponse({ offset }),
    };
  };
}
