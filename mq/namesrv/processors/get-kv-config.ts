import { MqError } from '../../errors.ts';
import { getKvConfig } from '../../protocol/requests/get-kv-config.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { NameServerContext } from '../name-server-context.ts';

/** GET_KV_CONFIG: one value of the key-value table. */
export function getKvConfigProcessor({ kv }: NameServerContext): Processor {
  return (request) => {
    const { namespace, key } = getKvConfig.decodeRequest(request.extFields);
    const value = kv.get(namespace, key);
    if (value === undefined) {
      throw new MqError('QUERY_NOT_FOUND', `No config item, Namespace: ${namespace} Key: ${key}`);
    }
    return { code: ResponseCode.SUCCESS, extFields: getKvConfig.encodeResponse({ value }) };
  };
}
