import { RequestCode } from '../../protocol/request-code.ts';
import type { Processor, ProcessorTable } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { ackMessageProcessor } from './ack-message.ts';
import { batchAckMessageProcessor } from './batch-ack-message.ts';
import { changeMessageInvisibletimeProcessor } from './change-message-invisibletime.ts';
import { notificationProcessor } from './notification.ts';
import { peekMessageProcessor } from './peek-message.ts';
import { pollingInfoProcessor } from './polling-info.ts';
import { popMessageProcessor } from './pop-message.ts';
import { queryAssignmentProcessor } from './query-assignment.ts';
import { setMessageRequestModeProcessor } from './set-message-request-mode.ts';
import { checkClientConfigProcessor } from './check-client-config.ts';
import { consumerSendMsgBackProcessor } from './consumer-send-msg-back.ts';
import { deleteSubscriptiongroupProcessor } from './delete-subscriptiongroup.ts';
import { deleteTopicInBrokerProcessor } from './delete-topic-in-broker.ts';
import { getAllSubscriptiongroupConfigProcessor } from './get-all-subscriptiongroup-config.ts';
import { endTransactionProcessor } from './end-transaction.ts';
import { getAllTopicConfigProcessor } from './get-all-topic-config.ts';
import { getBrokerRuntimeInfoProcessor } from './get-broker-runtime-info.ts';
import { getConsumerListByGroupProcessor } from './get-consumer-list-by-group.ts';
import { getEarliestMsgStoretimeProcessor } from './get-earliest-msg-storetime.ts';
import { getFindingsProcessor } from './get-findings.ts';
import { getMaxOffsetProcessor } from './get-max-offset.ts';
import { getMinOffsetProcessor } from './get-min-offset.ts';
import { getSubscriptiongroupConfigProcessor } from './get-subscriptiongroup-config.ts';
import { getTopicConfigProcessor } from './get-topic-config.ts';
import { heartBeatProcessor } from './heart-beat.ts';
import { cloneGroupOffsetProcessor } from './clone-group-offset.ts';
import { consumeMessageDirectlyProcessor } from './consume-message-directly.ts';
import { getConsumeStatsProcessor } from './get-consume-stats.ts';
import { getConsumerConnectionListProcessor } from './get-consumer-connection-list.ts';
import { getConsumerRunningInfoProcessor } from './get-consumer-running-info.ts';
import { getProducerConnectionListProcessor } from './get-producer-connection-list.ts';
import { getTopicStatsInfoProcessor } from './get-topic-stats-info.ts';
import { invokeBrokerToGetConsumerStatusProcessor } from './invoke-broker-to-get-consumer-status.ts';
import { queryConsumeTimeSpanProcessor } from './query-consume-time-span.ts';
import { invokeBrokerToResetOffsetProcessor } from './invoke-broker-to-reset-offset.ts';
import { lockBatchMqProcessor } from './lock-batch-mq.ts';
import { pullMessageProcessor } from './pull-message.ts';
import { queryConsumerOffsetProcessor } from './query-consumer-offset.ts';
import { queryTopicConsumeByWhoProcessor } from './query-topic-consume-by-who.ts';
import { queryMessageProcessor } from './query-message.ts';
import { resumeCheckHalfMessageProcessor } from './resume-check-half-message.ts';
import { recallMessageProcessor } from './recall-message.ts';
import { searchOffsetByTimestampProcessor } from './search-offset-by-timestamp.ts';
import { sendMessageProcessor } from './send-message.ts';
import { sendReplyMessageProcessor } from './send-reply-message.ts';
import { unlockBatchMqProcessor } from './unlock-batch-mq.ts';
import { unregisterClientProcessor } from './unregister-client.ts';
import { updateAndCreateSubscriptiongroupProcessor } from './update-and-create-subscriptiongroup.ts';
import { updateAndCreateTopicProcessor } from './update-and-create-topic.ts';
import { updateConsumerOffsetProcessor } from './update-consumer-offset.ts';
import { viewMessageByIdProcessor } from './view-message-by-id.ts';

/** Every request a broker serves. What is not here is answered REQUEST_CODE_NOT_SUPPORTED. */
export function brokerProcessors(context: BrokerContext): ProcessorTable {
  const send = sendMessageProcessor(context);
  const sendReply = sendReplyMessageProcessor(context, send);
  const pull = pullMessageProcessor(context);
  const table = new Map<number, Processor>([
    [RequestCode.SEND_MESSAGE, send],
    [RequestCode.SEND_MESSAGE_V2, send],
    [RequestCode.SEND_BATCH_MESSAGE, send],
    [RequestCode.SEND_REPLY_MESSAGE, sendReply],
    [RequestCode.SEND_REPLY_MESSAGE_V2, sendReply],
    [RequestCode.RECALL_MESSAGE, recallMessageProcessor(context)],
    [RequestCode.CONSUMER_SEND_MSG_BACK, consumerSendMsgBackProcessor(context)],
    [RequestCode.END_TRANSACTION, endTransactionProcessor(context)],
    [RequestCode.RESUME_CHECK_HALF_MESSAGE, resumeCheckHalfMessageProcessor(context)],
    [RequestCode.QUERY_MESSAGE, queryMessageProcessor(context)],
    [RequestCode.VIEW_MESSAGE_BY_ID, viewMessageByIdProcessor(context)],
    [RequestCode.UPDATE_AND_CREATE_TOPIC, updateAndCreateTopicProcessor(context)],
    [RequestCode.DELETE_TOPIC_IN_BROKER, deleteTopicInBrokerProcessor(context)],
    [RequestCode.GET_ALL_TOPIC_CONFIG, getAllTopicConfigProcessor(context)],
    [RequestCode.GET_TOPIC_CONFIG, getTopicConfigProcessor(context)],
    [RequestCode.QUERY_TOPIC_CONSUME_BY_WHO, queryTopicConsumeByWhoProcessor(context)],
    [
      RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
      updateAndCreateSubscriptiongroupProcessor(context),
    ],
    [RequestCode.DELETE_SUBSCRIPTIONGROUP, deleteSubscriptiongroupProcessor(context)],
    [RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG, getAllSubscriptiongroupConfigProcessor(context)],
    [RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, getSubscriptiongroupConfigProcessor(context)],
    [RequestCode.GET_BROKER_RUNTIME_INFO, getBrokerRuntimeInfoProcessor(context)],
    [RequestCode.GET_FINDINGS, getFindingsProcessor(context)],
    [RequestCode.PULL_MESSAGE, pull],
    [RequestCode.LITE_PULL_MESSAGE, pull],
    [RequestCode.QUERY_CONSUMER_OFFSET, queryConsumerOffsetProcessor(context)],
    [RequestCode.UPDATE_CONSUMER_OFFSET, updateConsumerOffsetProcessor(context)],
    [RequestCode.CLONE_GROUP_OFFSET, cloneGroupOffsetProcessor(context)],
    [RequestCode.CONSUME_MESSAGE_DIRECTLY, consumeMessageDirectlyProcessor(context)],
    [RequestCode.GET_CONSUME_STATS, getConsumeStatsProcessor(context)],
    [RequestCode.GET_CONSUMER_CONNECTION_LIST, getConsumerConnectionListProcessor(context)],
    [RequestCode.GET_CONSUMER_RUNNING_INFO, getConsumerRunningInfoProcessor(context)],
    [RequestCode.GET_PRODUCER_CONNECTION_LIST, getProducerConnectionListProcessor(context)],
    [RequestCode.GET_TOPIC_STATS_INFO, getTopicStatsInfoProcessor(context)],
    [
      RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS,
      invokeBrokerToGetConsumerStatusProcessor(context),
    ],
    [RequestCode.QUERY_CONSUME_TIME_SPAN, queryConsumeTimeSpanProcessor(context)],
    [RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, invokeBrokerToResetOffsetProcessor(context)],
    [RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, searchOffsetByTimestampProcessor(context)],
    [RequestCode.GET_MAX_OFFSET, getMaxOffsetProcessor(context)],
    [RequestCode.GET_MIN_OFFSET, getMinOffsetProcessor(context)],
    [RequestCode.GET_EARLIEST_MSG_STORETIME, getEarliestMsgStoretimeProcessor(context)],
    [RequestCode.HEART_BEAT, heartBeatProcessor(context)],
    [RequestCode.UNREGISTER_CLIENT, unregisterClientProcessor(context)],
    [RequestCode.GET_CONSUMER_LIST_BY_GROUP, getConsumerListByGroupProcessor(context)],
    [RequestCode.LOCK_BATCH_MQ, lockBatchMqProcessor(context)],
    [RequestCode.UNLOCK_BATCH_MQ, unlockBatchMqProcessor(context)],
    [RequestCode.CHECK_CLIENT_CONFIG, checkClientConfigProcessor(context)],
    [RequestCode.ACK_MESSAGE, ackMessageProcessor(context)],
    [RequestCode.BATCH_ACK_MESSAGE, batchAckMessageProcessor(context)],
    [RequestCode.CHANGE_MESSAGE_INVISIBLETIME, changeMessageInvisibletimeProcessor(context)],
    [RequestCode.NOTIFICATION, notificationProcessor(context)],
    [RequestCode.PEEK_MESSAGE, peekMessageProcessor(context)],
    [RequestCode.POLLING_INFO, pollingInfoProcessor(context)],
    [RequestCode.POP_MESSAGE, popMessageProcessor(context)],
    [RequestCode.QUERY_ASSIGNMENT, queryAssignmentProcessor(context)],
    [RequestCode.SET_MESSAGE_REQUEST_MODE, setMessageRequestModeProcessor(context)],
  ]);
  // The ROCKETMQ header has 16 bits for a code: clients that use it cut these off, and an original does not know them then.
  for (const code of table.keys()) {
    if (code >= 200_000 && code < 201_000) table.set(code & 0xffff, table.get(code)!);
  }
  return table;
}
