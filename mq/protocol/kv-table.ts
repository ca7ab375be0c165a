import { encodeJsonBody, JsonBody } from './json-body.ts';

/** The body of GET_KVLIST_BY_NAMESPACE, GET_BROKER_RUNTIME_INFO and of some REGISTER_BROKER replies. */
export function encodeKvTable(table: ReadonlyMap<string, string>): Buffer {
  return encodeJsonBody({ table });
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function decodeKvTable(body: Buffer | undefined): Map<string, string> {
  return new Map(JsonBody.parse(body, 'KVTable').stringEntries('table'));
}
