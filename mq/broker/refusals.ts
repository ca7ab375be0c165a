import { MqError } from '../errors.ts';
import type { RemotingCommand } from '../protocol/frame.ts';

/** V5_0_0: the first version whose clients know INVALID_PARAMETER. */
export const VERSION_5 = 413;

/** Says that a request's value is out of range: INVALID_PARAMETER to peers that know the code, SYSTEM_ERROR to older ones. */
export function invalidParameter(request: RemotingCommand, reason: string): MqError {
  return new MqError(request.version >= VERSION_5 ? 'INVALID_PARAMETER' : 'SYSTEM_ERROR', reason);
}

export function topicNotExist(topic: string, isAutoCreateEnabled: boolean): MqError {
  const hint = isAutoCreateEnabled
    ? 'it is created by the first send whose default topic allows it'
    : 'create it with updateTopic, or start the broker with autoCreateTopicEnable=true';
  return new MqError(
    'TOPIC_NOT_EXIST',
    `topic[${topic}] not exist, apply first please! Hint: ${hint}`,
    {
      details: { topic, autoCreateTopicEnable: isAutoCreateEnabled },
    },
  );
}
