import { putKvConfig } from '../../protocol/requests/put-kv-config.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { NameServerContext } from '../name-server-context.ts';

/** PUT_KV_CONFIG: answered when the value is on disk. */
export function putKvConfigProcessor({ kv }: NameServerContext): Processor {
  return async (request) => {
    const { namespace, key, value } = putKvConfig.decodeRequest(request.extFields);
    await kv.put(namespace, key, value);
    return { code: ResponseCode.SUCCESS };
  };
}
