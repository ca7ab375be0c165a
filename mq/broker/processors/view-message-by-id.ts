import { MqError } from '../../errors.ts';
import { readRecordHeader } from '../../protocol/message.ts';
import { viewMessageById } from '../../protocol/requests/view-message-by-id.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/**
 * VIEW_MESSAGE_BY_ID: the record that begins at a commitLogOffset, as an offsetMsgId names it.
 *
 * Errors: SYSTEM_ERROR when no record begins there.
 */
export function viewMessageByIdProcessor({ store }: BrokerContext): Processor {
  return async (request) => {
    const { offset } = viewMessageById.decodeRequest(request.extFields);
    const record = await store.readRecord(offset);
    if (record === undefined || readRecordHeader(record).commitLogOffset !== offset) {
      throw new MqError('SYSTEM_ERROR', `can not find message by the offset, ${offset}`);
    }
    return { code: ResponseCode.SUCCESS, body: record };
  };
}
