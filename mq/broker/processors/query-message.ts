import { IndexType, queryMessage } from '../../protocol/requests/query-message.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { MessageQuery } from '../../store/message-store.ts';
import type { BrokerContext } from '../broker-context.ts';
import { invalidParameter } from '../refusals.ts';

/**
 * QUERY_MESSAGE: the newest messages of a topic with a key, a unique key or a tag, at most maxMsgsNumBatch, and in a
 * unique-key query as many as defaultQueryMaxNum whatever was asked for, as the original has it. They are compared to the
 * letter here; the original leaves that to the client.
 *
 * Errors: QUERY_NOT_FOUND when there is none; INVALID_PARAMETER for a negative maxNum.
 */
export function queryMessageProcessor({ store, config }: BrokerContext): Processor {
  return async (request) => {
    const query = queryMessage.decodeRequest(request.extFields);
    const { topic, key, beginTimestamp, endTimestamp, isUniqueKey } = query;
    if (query.maxNum < 0) throw invalidParameter(request, `maxNum is ${query.maxNum}, less than 0`);
    const maxNum = isUniqueKey === true ? config.defaultQueryMaxNum : query.maxNum;
    const { records, missingBytes, ...lastUpdate } = await store.queryMessages({
      topic,
      key,
      kind: isUniqueKey === true ? 'uniqueKey' : kindOf(query.indexType),
      maxCount: Math.min(maxNum, config.maxMsgsNumBatch),
      beginMs: beginTimestamp,
      endMs: endTimestamp,
    });
    const extFields = queryMessage.encodeResponse(lastUpdate);
    if (records.length > 0) {
      return { code: ResponseCode.SUCCESS, extFields, body: Buffer.concat(records) };
    }
    const reasons = ['can not find message, maybe time range not correct'];
    if (!config.messageIndexEnable) reasons.push('messageIndexEnable is false on this broker');
    if (missingBytes > 0) reasons.push(`${missingBytes} bytes of messages are not indexed yet`);
    return { code: ResponseCode.QUERY_NOT_FOUND, remark: reasons.join('; '), extFields };
  };
}

/** Anything else is a key, as in the original. */
function kindOf(indexType: string | undefined): MessageQuery['kind'] {
  if (indexType === IndexType.TAG) return 'tag';
  return indexType === IndexType.UNIQUE_KEY ? 'uniqueKey' : 'key';
}
