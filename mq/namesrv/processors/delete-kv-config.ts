import { deleteKvConfig } from '../../protocol/requests/delete-kv-config.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { NameServerContext } from '../name-server-context.ts';

/** DELETE_KV_CONFIG: answered when the value is gone from disk. */
export function deleteKvConfigProcessor({ kv }: NameServerContext): Processor {
  return async (request) => {
    const { namespace, key } = deleteKvConfig.decodeRequest(request.extFields);
    await kv.delete(namespace, key);
    return { code: ResponseCode.SUCCESS };
  };
}
