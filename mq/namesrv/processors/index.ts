import { RequestCode } from '../../protocol/request-code.ts';
import type { ProcessorTable } from '../../remoting/processor.ts';
import type { NameServerContext } from '../name-server-context.ts';
import { addWritePermOfBrokerProcessor } from './add-write-perm-of-broker.ts';
import { deleteKvConfigProcessor } from './delete-kv-config.ts';
import { deleteTopicInNamesrvProcessor } from './delete-topic-in-namesrv.ts';
import { getAllTopicListFromNameserverProcessor } from './get-all-topic-list-from-nameserver.ts';
import { getBrokerClusterInfoProcessor } from './get-broker-cluster-info.ts';
import { getKvConfigProcessor } from './get-kv-config.ts';
import { getKvlistByNamespaceProcessor } from './get-kvlist-by-namespace.ts';
import { getRouteinfoByTopicProcessor } from './get-routeinfo-by-topic.ts';
import { getTopicsByClusterProcessor } from './get-topics-by-cluster.ts';
import { putKvConfigProcessor } from './put-kv-config.ts';
import { queryDataVersionProcessor } from './query-data-version.ts';
import { registerBrokerProcessor } from './register-broker.ts';
import { unregisterBrokerProcessor } from './unregister-broker.ts';
import { wipeWritePermOfBrokerProcessor } from './wipe-write-perm-of-broker.ts';

/** Everything a name server answers; any other code is REQUEST_CODE_NOT_SUPPORTED. */
export function nameServerProcessors(context: NameServerContext): ProcessorTable {
  return new Map([
    [RequestCode.PUT_KV_CONFIG, putKvConfigProcessor(context)],
    [RequestCode.GET_KV_CONFIG, getKvConfigProcessor(context)],
    [RequestCode.DELETE_KV_CONFIG, deleteKvConfigProcessor(context)],
    [RequestCode.GET_KVLIST_BY_NAMESPACE, getKvlistByNamespaceProcessor(context)],
    [RequestCode.REGISTER_BROKER, registerBrokerProcessor(context)],
    [RequestCode.UNREGISTER_BROKER, unregisterBrokerProcessor(context)],
    [RequestCode.QUERY_DATA_VERSION, queryDataVersionProcessor(context)],
    [RequestCode.GET_ROUTEINFO_BY_TOPIC, getRouteinfoByTopicProcessor(context)],
    [RequestCode.GET_BROKER_CLUSTER_INFO, getBrokerClusterInfoProcessor(context)],
    [
      RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER,
      getAllTopicListFromNameserverProcessor(context),
    ],
    [RequestCode.GET_TOPICS_BY_CLUSTER, getTopicsByClusterProcessor(context)],
    [RequestCode.DELETE_TOPIC_IN_NAMESRV, deleteTopicInNamesrvProcessor(context)],
    [RequestCode.WIPE_WRITE_PERM_OF_BROKER, wipeWritePermOfBrokerProcessor(context)],
    [RequestCode.ADD_WRITE_PERM_OF_BROKER, addWritePermOfBrokerProcessor(context)],
  ]);
}
