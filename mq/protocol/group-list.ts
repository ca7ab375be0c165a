import { encodeJsonBody, JsonBody } from './json-body.ts';

/** The body of the reply to QUERY_TOPIC_CONSUME_BY_WHO. */
export function encodeGroupList(groups: readonly string[]): Buffer {
  return encodeJsonBody({ groupList: groups });
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function decodeGroupList(body: Buffer | undefined): string[] {
  return JsonBody.parse(body, 'GroupList').strings('groupList');
}
