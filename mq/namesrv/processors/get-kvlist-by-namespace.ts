import { MqError } from '../../errors.ts';
import { encodeKvTable } from '../../protocol/kv-table.ts';
import { getKvlistByNamespace } from '../../protocol/requests/get-kvlist-by-namespace.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { NameServerContext } from '../name-server-context.ts';

/** GET_KVLIST_BY_NAMESPACE: all values of one namespace. */
export function getKvlistByNamespaceProcessor({ kv }: NameServerContext): Processor {
  return (request) => {
    const { namespace } = getKvlistByNamespace.decodeRequest(request.extFields);
    const table = kv.namespace(namespace);
    if (!table) {
      throw new MqError('QUERY_NOT_FOUND', `No config item, Namespace: ${namespace}`);
    }
    return { code: ResponseCode.SUCCESS, body: encodeKvTable(table) };
  };
}
