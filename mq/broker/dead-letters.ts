import type { Logger } from '../logger.ts';
import { dlqTopic } from '../protocol/names.ts';
import { decodeProperties, PropertyKey } from '../protocol/properties.ts';
import type { Arrival } from '../store/message-store.ts';

/** Whichever way a message got into a DLQ: nobody consumes it any more unless somebody looks after it. */
export function logDeadLetter({ topic, propertiesString }: Arrival, logger: Logger): void {
  const properties = decodeProperties(propertiesString);
  logger.warn('a message is a dead letter now', {
    group: topic.slice(dlqTopic('').length),
    msgId: properties.get(PropertyKey.UNIQ_KEY),
    keys: properties.get(PropertyKey.KEYS),
    topic: properties.get(PropertyKey.RETRY_TOPIC),
  });
}
