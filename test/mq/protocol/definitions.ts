import type { ExtFields } from '../../../mq/protocol/frame.ts';
import { addWritePermOfBroker } from '../../../mq/protocol/requests/add-write-perm-of-broker.ts';
import { ackMessage } from '../../../mq/protocol/requests/ack-message.ts';
import { batchAckMessage } from '../../../mq/protocol/requests/batch-ack-message.ts';
import { changeMessageInvisibletime } from '../../../mq/protocol/requests/change-message-invisibletime.ts';
import { notification } from '../../../mq/protocol/requests/notification.ts';
import { peekMessage } from '../../../mq/protocol/requests/peek-message.ts';
import { pollingInfo } from '../../../mq/protocol/requests/polling-info.ts';
import { popMessage } from '../../../mq/protocol/requests/pop-message.ts';
import { queryAssignment } from '../../../mq/protocol/requests/query-assignment.ts';
import { setMessageRequestMode } from '../../../mq/protocol/requests/set-message-request-mode.ts';
import { checkClientConfig } from '../../../mq/protocol/requests/check-client-config.ts';
import { checkTransactionState } from '../../../mq/protocol/requests/check-transaction-state.ts';
import { cloneGroupOffset } from '../../../mq/protocol/requests/clone-group-offset.ts';
import { consumeMessageDirectly } from '../../../mq/protocol/requests/consume-message-directly.ts';
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
import { getConsumeStats } from '../../../mq/protocol/requests/get-consume-stats.ts';
import { getConsumerConnectionList } from '../../../mq/protocol/requests/get-consumer-connection-list.ts';
import { getConsumerListByGroup } from '../../../mq/protocol/requests/get-consumer-list-by-group.ts';
import { getConsumerRunningInfo } from '../../../mq/protocol/requests/get-consumer-running-info.ts';
import { getConsumerStatusFromClient } from '../../../mq/protocol/requests/get-consumer-status-from-client.ts';
import { getEarliestMsgStoretime } from '../../../mq/protocol/requests/get-earliest-msg-storetime.ts';
import { getFindings } from '../../../mq/protocol/requests/get-findings.ts';
import { getKvConfig } from '../../../mq/protocol/requests/get-kv-config.ts';
import { getKvlistByNamespace } from '../../../mq/protocol/requests/get-kvlist-by-namespace.ts';
import { getMaxOffset } from '../../../mq/protocol/requests/get-max-offset.ts';
import { getMinOffset } from '../../../mq/protocol/requests/get-min-offset.ts';
import { getProducerConnectionList } from '../../../mq/protocol/requests/get-producer-connection-list.ts';
import { getRouteinfoByTopic } from '../../../mq/protocol/requests/get-routeinfo-by-topic.ts';
import { getSubscriptiongroupConfig } from '../../../mq/protocol/requests/get-subscriptiongroup-config.ts';
import { getTopicConfig } from '../../../mq/protocol/requests/get-topic-config.ts';
import { getTopicStatsInfo } from '../../../mq/protocol/requests/get-topic-stats-info.ts';
import { getTopicsByCluster } from '../../../mq/protocol/requests/get-topics-by-cluster.ts';
import { heartBeat } from '../../../mq/protocol/requests/heart-beat.ts';
import { invokeBrokerToGetConsumerStatus } from '../../../mq/protocol/requests/invoke-broker-to-get-consumer-status.ts';
import { invokeBrokerToResetOffset } from '../../../mq/protocol/requests/invoke-broker-to-reset-offset.ts';
import { litePullMessage } from '../../../mq/protocol/requests/lite-pull-message.ts';
import { lockBatchMq } from '../../../mq/protocol/requests/lock-batch-mq.ts';
import { notifyConsumerIdsChanged } from '../../../mq/protocol/requests/notify-consumer-ids-changed.ts';
import { pullMessage } from '../../../mq/protocol/requests/pull-message.ts';
import { putKvConfig } from '../../../mq/protocol/requests/put-kv-config.ts';
import { queryConsumeTimeSpan } from '../../../mq/protocol/requests/query-consume-time-span.ts';
import { queryConsumerOffset } from '../../../mq/protocol/requests/query-consumer-offset.ts';
import { queryDataVersion } from '../../../mq/protocol/requests/query-data-version.ts';
import { queryMessage } from '../../../mq/protocol/requests/query-message.ts';
import { queryTopicConsumeByWho } from '../../../mq/protocol/requests/query-topic-consume-by-who.ts';
import { recallMessage } from '../../../mq/protocol/requests/recall-message.ts';
import { registerBroker } from '../../../mq/protocol/requests/register-broker.ts';
import { resetConsumerClientOffset } from '../../../mq/protocol/requests/reset-consumer-client-offset.ts';
import { resumeCheckHalfMessage } from '../../../mq/protocol/requests/resume-check-half-message.ts';
import { searchOffsetByTimestamp } from '../../../mq/protocol/requests/search-offset-by-timestamp.ts';
import { sendBatchMessage } from '../../../mq/protocol/requests/send-batch-message.ts';
import { pushReplyMessageToClient } from '../../../mq/protocol/requests/push-reply-message-to-client.ts';
import { sendReplyMessage } from '../../../mq/protocol/requests/send-reply-message.ts';
import { sendReplyMessageV2 } from '../../../mq/protocol/requests/send-reply-message-v2.ts';
import { sendMessageV2 } from '../../../mq/protocol/requests/send-message-v2.ts';
import { sendMessage } from '../../../mq/protocol/requests/send-message.ts';
import { unlockBatchMq } from '../../../mq/protocol/requests/unlock-batch-mq.ts';
import { unregisterBroker } from '../../../mq/protocol/requests/unregister-broker.ts';
import { unregisterClient } from '../../../mq/protocol/requests/unregister-client.ts';
import { updateAndCreateSubscriptiongroup } from '../../../mq/protocol/requests/update-and-create-subscriptiongroup.ts';
import { updateAndCreateTopic } from '../../../mq/protocol/requests/update-and-create-topic.ts';
import { updateConsumerOffset } from '../../../mq/protocol/requests/update-consumer-offset.ts';
import { viewMessageById } from '../../../mq/protocol/requests/view-message-by-id.ts';
import { wipeWritePermOfBroker } from '../../../mq/protocol/requests/wipe-write-perm-of-broker.ts';

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
    addWritePermOfBroker,
    ackMessage,
    batchAckMessage,
    changeMessageInvisibletime,
    notification,
    peekMessage,
    pollingInfo,
    popMessage,
    queryAssignment,
    setMessageRequestMode,
    checkClientConfig,
    checkTransactionState,
    cloneGroupOffset,
    consumeMessageDirectly,
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
    getConsumeStats,
    getConsumerConnectionList,
    getConsumerListByGroup,
    getConsumerRunningInfo,
    getConsumerStatusFromClient,
    getEarliestMsgStoretime,
    getFindings,
    getKvConfig,
    getKvlistByNamespace,
    getMaxOffset,
    getMinOffset,
    getProducerConnectionList,
    getRouteinfoByTopic,
    getSubscriptiongroupConfig,
    getTopicConfig,
    getTopicStatsInfo,
    getTopicsByCluster,
    heartBeat,
    invokeBrokerToGetConsumerStatus,
    invokeBrokerToResetOffset,
    litePullMessage,
    lockBatchMq,
    notifyConsumerIdsChanged,
    pullMessage,
    putKvConfig,
    queryConsumeTimeSpan,
    queryConsumerOffset,
    queryDataVersion,
    queryMessage,
    queryTopicConsumeByWho,
    recallMessage,
    registerBroker,
    resetConsumerClientOffset,
    resumeCheckHalfMessage,
    searchOffsetByTimestamp,
    sendBatchMessage,
    sendMessage,
    sendMessageV2,
    sendReplyMessage,
    sendReplyMessageV2,
    pushReplyMessageToClient,
    unlockBatchMq,
    unregisterBroker,
    unregisterClient,
    updateAndCreateSubscriptiongroup,
    updateAndCreateTopic,
    updateConsumerOffset,
    viewMessageById,
    wipeWritePermOfBroker,
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
