import { RequestCode } from '../../protocol/request-code.ts';
import type { Processor, ProcessorTable } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
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
import { getMaxOffsetProcessor } from './get-max-offset.ts';
import { getMinOffsetProcessor } from './get-min-offset.ts';
import { getSubscriptiongroupConfigProcessor } from './get-subscriptiongroup-config.ts';
import { getTopicConfigProcessor } from './get-topic-config.ts';
import { heartBeatProcessor } from './heart-beat.ts';
import { lockBatchMqProcessor } from './lock-batch-mq.ts';
import { pullMessageProcessor } from './pull-message.ts';
import { queryConsumerOffsetProcessor } from './query-consumer-offset.ts';
import { resumeCheckHalfMessageProcessor } from './resume-check-half-message.ts';
import { recallMessageProcessor } from './recall-message.ts';
import { searchOffsetByTimestampProcessor } from './search-offset-by-timestamp.ts';
import { sendMessageProcessor } from './send-message.ts';
import { unlockBatchMqProcessor } from './unlock-batch-mq.ts';
import { unregisterClientProcessor } from './unregister-client.ts';
import { updateAndCreateSubscriptiongroupProcessor } from './update-and-create-subscriptiongroup.ts';
import { updateAndCreateTopicProcessor } from './update-and-create-topic.ts';
import { updateConsumerOffsetProcessor } from './update-consumer-offset.ts';
import { viewMessageByIdProcessor } from './view-message-by-id.ts';

/** Every request a broker serves. What is not here is answered REQUEST_CODE_NOT_SUPPORTED. */
export function brokerProcessors(context: BrokerContext): ProcessorTable {
  const send = sendMessageProcessor(context);
  const pull = pullMessageProcessor(context);
  return new Map<number, Processor>([
    [RequestCode.SEND_MESSAGE, send],
    [RequestCode.SEND_MESSAGE_V2, send],
    [RequestCode.SEND_BATCH_MESSAGE, send],
    [RequestCode.RECALL_MESSAGE, recallMessageProcessor(context)],
    [RequestCode.CONSUMER_SEND_MSG_BACK, consumerSendMsgBackProcessor(context)],
    [RequestCode.END_TRANSACTION, endTransactionProcessor(context)],
    [RequestCode.RESUME_CHECK_HALF_MESSAGE, resumeCheckHalfMessageProcessor(context)],
    [RequestCode.VIEW_MESSAGE_BY_ID, viewMessageByIdProcessor(context)],
    [RequestCode.UPDATE_AND_CREATE_TOPIC, updateAndCreateTopicProcessor(context)],
    [RequestCode.DELETE_TOPIC_IN_BROKER, deleteTopicInBrokerProcessor(context)],
    [RequestCode.GET_ALL_TOPIC_CONFIG, getAllTopicConfigProcessor(context)],
    [RequestCode.GET_TOPIC_CONFIG, getTopicConfigProcessor(context)],
    [
      RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
      updateAndCreateSubscriptiongroupProcessor(context),
    ],
    [RequestCode.DELETE_SUBSCRIPTIONGROUP, deleteSubscriptiongroupProcessor(context)],
    [RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG, getAllSubscriptiongroupConfigProcessor(context)],
    [RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, getSubscriptiongroupConfigProcessor(context)],
    [RequestCode.GET_BROKER_RUNTIME_INFO, getBrokerRuntimeInfoProcessor(context)],
    [RequestCode.PULL_MESSAGE, pull],
    [RequestCode.LITE_PULL_MESSAGE, pull],
    [RequestCode.QUERY_CONSUMER_OFFSET, queryConsumerOffsetProcessor(context)],
    [RequestCode.UPDATE_CONSUMER_OFFSET, updateConsumerOffsetProcessor(context)],
    [RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, searchOffsetByTimestampProcessor(context)],
    [RequestCode.GET_MAX_OFFSET, getMaxOffsetProcessor(context)],
    [RequestCode.GET_MIN_OFFSET, getMinOffsetProcessor(context)],
    [RequestCode.GET_EARLIEST_MSG_STORETIME, getEarliestMsgStoretimeProcessor(context)],
    [RequestCode.HEART_BEAT, heartBeatProcessor(context)],
    [RequestCode.UNREGISTER_CLIENT, unregisterClientProcessor(context)],
    [RequestCode.GET_CONSUMER_LIST_BY_GROUP, getConsumerListByGroupProcessor(context)],
    [RequestCode.LOCK_BATCH_MQ, lockBatchMqProcessor(context)],
    [RequestCode.UNLOCK_BATCH_MQ, unlockBatchMqProcessor(context)],
    [RequestCode.CHECK_CLIENT_CONFIG, checkClientConfigProcessor()],
  ]);
}
