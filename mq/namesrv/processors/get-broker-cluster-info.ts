import { ResponseCode } from '../../protocol/response-code.ts';
import { encodeClusterInfo } from '../../protocol/route.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { NameServerContext } from '../name-server-context.ts';

/** GET_BROKER_CLUSTER_INFO: every cluster and every broker that lives. */
export function getBrokerClusterInfoProcessor({ routes }: NameServerContext): Processor {
  return () => ({ code: ResponseCode.SUCCESS, body: encodeClusterInfo(routes.clusterInfo()) });
}
