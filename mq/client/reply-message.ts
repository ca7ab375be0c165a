import { MqError } from '../errors.ts';
import { replyTopic } from '../protocol/names.ts';
import { PropertyKey } from '../protocol/properties.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import type { Message, ReplyTo } from './outgoing-message.ts';

/** Whether its sender waits for a reply. */
export function isRequest({ properties }: Pick<ConsumedMessage, 'properties'>): boolean {
  return properties.has(PropertyKey.REPLY_TO_CLIENT) && properties.has(PropertyKey.CORRELATION_ID);
}

/**
 * The reply to a request that a consumer got: a message for any producer of the same cluster to send. Tags, keys and
 * properties may be added; the topic and `replyTo` are the requester's.
 *
 * Errors: INVALID_ARGUMENT naming the property that the message would have if it were a request.
 */
export function createReplyMessage(
  request: Pick<ConsumedMessage, 'properties' | 'brokerName'>,
  body: Message['body'],
): Message & { readonly replyTo: ReplyTo } {
  const property = (name: string): string => {
    const value = request.properties.get(name);
    if (value !== undefined) return value;
    throw new MqError(
      'INVALID_ARGUMENT',
      `the message is no request: it has no property ${name}, so there is nobody to reply to`,
    );
  };
  return {
    topic: replyTopic(property(PropertyKey.CLUSTER)),
    body,
    replyTo: {
      correlationId: property(PropertyKey.CORRELATION_ID),
      replyToClient: property(PropertyKey.REPLY_TO_CLIENT),
      ttl: request.properties.get(PropertyKey.TTL),
      brokerName: request.brokerName,
    },
  };
}

/** The properties that make a message a reply. */
export function replyMarks({ correlationId, replyToClient, ttl }: ReplyTo): [string, string][] {
  return [
    [PropertyKey.MSG_TYPE, 'reply'],
    [PropertyKey.CORRELATION_ID, correlationId],
    [PropertyKey.REPLY_TO_CLIENT, replyToClient],
    ...(ttl === undefined ? [] : [[PropertyKey.TTL, ttl] as [string, string]]),
  ];
}
