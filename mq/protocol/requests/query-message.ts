import { defineRequest } from '../define-request.ts';
import { aliased, bool, int32, int64, openInt64, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/** What `key` is: a word of KEYS or a UNIQ_KEY, a UNIQ_KEY, or a tag. */
export const IndexType = { KEY: 'K', UNIQUE_KEY: 'U', TAG: 'T' } as const;

/**
 * QUERY_MESSAGE: the newest messages of a topic that have a key. Reply body: records end to end, see message.ts.
 *
 * Shape:  isUniqueKey beside the header's own fields says that key is a UNIQ_KEY; indexType (5.x) does so, too, and knows
 *         tags. lastKey is for indexes in RocksDB.
 * Units:  beginTimestamp and endTimestamp in ms since epoch, both inclusive, by the time of storing; Java says "no end"
 *         with 2^63 − 1.
 * Errors: QUERY_NOT_FOUND when there is none.
 * Source: RocketMQ 5.5 QueryMessage{Request,Response}Header.java, QueryMessageProcessor.java
 */
export const queryMessage = defineRequest({
  code: RequestCode.QUERY_MESSAGE,
  request: {
    topic: str,
    key: str,
    maxNum: int32,
    beginTimestamp: openInt64,
    endTimestamp: openInt64,
    indexType: optional(str),
    lastKey: optional(str),
    isUniqueKey: optional(aliased('_UNIQUE_KEY_QUERY', bool)),
  },
  response: { indexLastUpdateTimestamp: int64, indexLastUpdatePhyoffset: int64 },
});
