import { MqError } from '../errors.ts';
import type { MessageExt } from '../protocol/message.ts';
import { ConsumedMessage } from './consumed-message.ts';
import { readMessage } from './fetched-messages.ts';
import type { MqClient } from './mq-client.ts';

/** Largest body that is inflated for looking at it. */
const MAX_SHOWN_BODY_BYTES = 64 * 1024 * 1024;

/** A record as an operator is shown it. With a body that cannot be read, it has it as it is stored. */
export async function shownMessage(
  client: MqClient,
  record: MessageExt,
  brokerName: string,
): Promise<ConsumedMessage> {
  try {
    return await readMessage(record, brokerName, MAX_SHOWN_BODY_BYTES);
  } catch (error) {
    if (!MqError.is(error)) throw error;
    client.settings.logger.warn('the body of a message cannot be read', {
      topic: record.topic,
      offsetMsgId: record.offsetMsgId,
      error: error.message,
    });
    return new ConsumedMessage(record, record.body, brokerName);
  }
}
