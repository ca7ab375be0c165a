import { encodeJsonBody, JsonBody } from './json-body.ts';

/** The body of the reply to GET_CONSUMER_LIST_BY_GROUP: the clientIds of a group's members. */
export function encodeConsumerList(clientIds: readonly string[]): Buffer {
  return encodeJsonBody({ consumerIdList: clientIds });
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function decodeConsumerList(body: Buffer | undefined): string[] {
  return JsonBody.parse(body, 'ConsumerList').strings('consumerIdList');
}
