import { searchOffsetByTimestamp } from '../../protocol/requests/search-offset-by-timestamp.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/** Serves SEARCH_OFFSET_BY_TIMESTAMP. A queue that does not exist is an empty one, as in the original. */
export function searchOffsetByTimestampProcessor({ store }: BrokerContext): Processor {
  return (request) => {
    const search = searchOffsetByTimestamp.decodeRequest(request.extFields);
    const { topic, queueId, timestamp, boundaryType } = search;
    // Anything else is the lower one, as in the original.
    const boundary = boundaryType?.toLowerCase() === 'upper' ? 'UPPER' : 'LOWER';
    const offset = store.offsetByTime(topic, queueId, timestamp, boundary);
    return {
      code: ResponseCode.SUCCESS,
      extFields: searchOffsetByTimestamp.encodeResponse({ offset }),
    };
  };
}
