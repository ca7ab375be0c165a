import { unregisterBroker } from '../../protocol/requests/unregister-broker.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { NameServerContext } from '../name-server-context.ts';

/** UNREGISTER_BROKER: removes a broker that stops. */
export function unregisterBrokerProcessor({ routes, logger }: NameServerContext): Processor {
  return (request) => {
    const identity = unregisterBroker.decodeRequest(request.extFields);
    if (routes.unregister(identity)) logger.info('broker unregistered', { ...identity });
    return { code: ResponseCode.SUCCESS };
  };
}
