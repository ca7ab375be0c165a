import { encodeJsonBody, JsonBody } from './json-body.ts';

/** The body of the replies to GET_ALL_TOPIC_LIST_FROM_NAMESERVER and GET_TOPICS_BY_CLUSTER. */
export function encodeTopicList(topics: readonly string[]): Buffer {
  return encodeJsonBody({ topicList: topics });
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function decodeTopicList(body: Buffer | undefined): string[] {
  return JsonBody.parse(body, 'TopicList').strings('topicList');
}
