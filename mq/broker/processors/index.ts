import { RequestCode } from '../../protocol/request-code.ts';
import type { Processor, ProcessorTable } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';
import { consumerSendMsgBackProcessor } from './consumer-send-msg-back.ts';
import { deleteTopicInBrokerProcessor } from './delete-topic-in-broker.ts';
import { getAllTopicConfigProcessor } from './get-all-topic-config.ts';
import { getBrokerRuntimeInfoProcessor } from './get-broker-runtime-info.ts';
import { sendMessageProcessor } from './send-message.ts';
import { updateAndCreateTopicProcessor } from './update-and-create-topic.ts';
import { viewMessageByIdProcessor } from './view-message-by-id.ts';

/** Every request a broker serves. What is not here is answered REQUEST_CODE_NOT_SUPPORTED. */
export function brokerProcessors(context: BrokerContext): ProcessorTable {
  const send = sendMessageProcessor(context);
  return new Map<number, Processor>([
    [RequestCode.SEND_MESSAGE, send],
    [RequestCode.SEND_MESSAGE_V2, send],
    [RequestCode.SEND_BATCH_MESSAGE, send],
    [RequestCode.CONSUMER_SEND_MSG_BACK, consumerSendMsgBackProcessor(context)],
    [RequestCode.VIEW_MESSAGE_BY_ID, viewMessageByIdProcessor(context)],
    [RequestCode.UPDATE_AND_CREATE_TOPIC, updateAndCreateTopicProcessor(context)],
    [RequestCode.DELETE_TOPIC_IN_BROKER, deleteTopicInBrokerProcessor(context)],
    [RequestCode.GET_ALL_TOPIC_CONFIG, getAllTopicConfigProcessor(context)],
    [RequestCode.GET_BROKER_RUNTIME_INFO, getBrokerRuntimeInfoProcessor(context)],
  ]);
}
