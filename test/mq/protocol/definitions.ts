import type { ExtFields } from '../../../mq/protocol/frame.ts';
import { checkClientConfig } from '../../../mq/protocol/requests/check-client-config.ts';
import { checkTransactionState } from '../../../mq/protocol/requests/check-transaction-state.ts';
import { consumerSendMsgBack } from '../../../mq/protocol/requests/consumer-send-msg-back.ts';
import { deleteKvConfig } from '../../../mq/protocol/requests/delete-kv-config.ts';
import { deleteSubscriptiongroup } from '../../../mq/protocol/requests/delete-subscriptiongroup.ts';
import { deleteTopicInBroker } from '../../../mq/protocol/requests/delete-topic-in-broker.ts';
import { deleteTopicInNamesrv } from '../../../mq/protocol/requests/delete-topic-in-namesrv.ts';
import { endTransaction } from '../../../mq/protocol/requests/end-transaction.ts';
import { getAllSubscriptiongroupConfig } from '../../../mq/protocol/requests/get-all-subscriptiongroup-config.ts';
import { getAllTopicConfig } from '../../../mq/protocol/requests/get-all-topic-config.ts';
import { getAllTopicListFromNameserver } from '../../../mq/protocol/requests/get-all-topic-list-from-nameserver.ts';
import { getBrokerClusterInfo } from '../../../mq/protocol/requests/get-broker-cluster-info.ts';
import { getBrokerRuntimeInfo } from '../../../mq/protocol/requests/get-broker-runtime-info.ts';
import { getConsumerListByGroup } from '../../../mq/protocol/requests/get-consumer-list-by-group.ts';
import { getConsumerStatusFromClient } from '../../../mq/protocol/requests/get-consumer-status-from-client.ts';
import { getEarliestMsgStoretime } from '../../../mq/protocol/requests/get-earliest-msg-storetime.ts';
import { getKvConfig } from '../../../mq/protocol/requests/get-kv-config.ts';
import { getKvlistByNamespace } from '../../../mq/protocol/requests/get-kvlist-by-namespace.ts';
import { getMaxOffset } from '../../../mq/protocol/requests/get-max-offset.ts';
import { getMinOffset } from '../../../mq/protocol/requests/get-min-offset.ts';
import { getRouteinfoByTopic } from '../../../mq/protocol/requests/get-routeinfo-by-topic.ts';
import { getSubscriptiongroupConfig } from '../../../mq/protocol/requests/get-subscriptiongroup-config.ts';
import { getTopicConfig } from '../../../mq/protocol/requests/get-topic-config.ts';
import { getTopicsByCluster } from '../../../mq/protocol/requests/get-topics-by-cluster.ts';
import { heartBeat } from '../../../mq/protocol/requests/heart-beat.ts';
import { litePullMessage } from '../../../mq/protocol/requests/lite-pull-message.ts';
import { lockBatchMq } from '../../../mq/protocol/requests/lock-batch-mq.ts';
import { notifyConsumerIdsChanged } from '../../../mq/protocol/requests/notify-consumer-ids-changed.ts';
import { pullMessage } from '../../../mq/protocol/requests/pull-message.ts';
import { putKvConfig } from '../../../mq/protocol/requests/put-kv-config.ts';
import { queryConsumerOffset } from '../../../mq/protocol/requests/query-consumer-offset.ts';
import { queryDataVersion } from '../../../mq/protocol/requests/query-data-version.ts';
import { recallMessage } from '../../../mq/protocol/requests/recall-message.ts';
import { registerBroker } from '../../../mq/protocol/requests/register-broker.ts';
import { resumeCheckHalfMessage } from '../../../mq/protocol/requests/resume-check-half-message.ts';
import { searchOffsetByTimestamp } from '../../../mq/protocol/requests/search-offset-by-timestamp.ts';
import { sendBatchMessage } from '../../../mq/protocol/requests/send-batch-message.ts';
import { sendMessageV2 } from '../../../mq/protocol/requests/send-message-v2.ts';
import { sendMessage } from '../../../mq/protocol/requests/send-message.ts';
import { unlockBatchMq } from '../../../mq/protocol/requests/unlock-batch-mq.ts';
import { unregisterBroker } from '../../../mq/protocol/requests/unregister-broker.ts';
import { unregisterClient } from '../../../mq/protocol/requests/unregister-client.ts';
import { updateAndCreateSubscriptiongroup } from '../../../mq/protocol/requests/update-and-create-subscriptiongroup.ts';
import { updateAndCreateTopic } from '../../../mq/protocol/requests/update-and-create-topic.ts';
import { updateConsumerOffset } from '../../../mq/protocol/requests/update-consumer-offset.ts';
import { viewMessageById } from '../../../mq/protocol/requests/view-message-by-id.ts';

/** A definition with its field types put aside, so that tests can go through all of them. */
export interface AnyDefinition {
  readonly code: number;
  encodeRequest(values: object): ExtFields | undefined;
  decodeRequest(ext: ExtFields | undefined): object;
  encodeResponse(values: object): ExtFields | undefined;
  decodeResponse(ext: ExtFields | undefined): object;
}

/** Every request of mq/protocol/requests, by code. */
export const definitions: ReadonlyMap<number, AnyDefinition> = new Map(
  [
    checkClientConfig,
    checkTransactionState,
    consumerSendMsgBack,
    deleteKvConfig,
    deleteSubscriptiongroup,
    deleteTopicInBroker,
    deleteTopicInNamesrv,
    endTransaction,
    getAllSubscriptiongroupConfig,
    getAllTopicConfig,
    getAllTopicListFromNameserver,
    getBrokerClusterInfo,
    getBrokerRuntimeInfo,
    getConsumerListByGroup,
    getConsumerStatusFromClient,
    getEarliestMsgStoretime,
    getKvConfig,
    getKvlistByNamespace,
    getMaxOffset,
    getMinOffset,
    getRouteinfoByTopic,
    getSubscriptiongroupConfig,
    getTopicConfig,
    getTopicsByCluster,
    heartBeat,
    litePullMessage,
    lockBatchMq,
    notifyConsumerIdsChanged,
    pullMessage,
    putKvConfig,
    queryConsumerOffset,
    queryDataVersion,
    recallMessage,
    registerBroker,
    resumeCheckHalfMessage,
    searchOffsetByTimestamp,
    sendBatchMessage,
    sendMessage,
    sendMessageV2,
    unlockBatchMq,
    unregisterBroker,
    unregisterClient,
    updateAndCreateSubscriptiongroup,
    updateAndCreateTopic,
    updateConsumerOffset,
    viewMessageById,
  ].map((definition) => [definition.code, definition as unknown as AnyDefinition]),
);

/**
 * Header fields that peers add to any request and that Millrace does not read: the access control client's,
 * and 5.x's routing fields. `bname` is read where a request defines it.
 */
export const fieldsOfNoConcern: ReadonlySet<string> = new Set([
  'AccessKey',
  'Signature',
  'SecurityToken',
  'OnsChannel',
  'bname',
  'ns',
  'nsd',
  'oway',
  'lo',
]);

export function withoutFieldsOfNoConcern(ext: ExtFields | undefined): ExtFields {
  return Object.fromEntries(
    Object.entries(ext ?? {}).filter(([name]) => !fieldsOfNoConcern.has(name)),
  );
}
