import { defineRequest } from '../define-request.ts';
import { aliased, bool, int32, int64, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';
import { sendMessageResponse } from './send-message.ts';

/** The fields of SEND_MESSAGE; what each means is said there. */
export const sendMessageV2Fields = {
  producerGroup: aliased('a', str),
  topic: aliased('b', str),
  defaultTopic: aliased('c', str),
  defaultTopicQueueNums: aliased('d', int32),
  queueId: aliased('e', int32),
  sysFlag: aliased('f', int32),
  bornTimestamp: aliased('g', int64),
  flag: aliased('h', int32),
  properties: aliased('i', optional(str)),
  reconsumeTimes: aliased('j', optional(int32)),
  unitMode: aliased('k', optional(bool)),
  maxReconsumeTimes: aliased('l', optional(int32)),
  batch: aliased('m', optional(bool)),
  brokerName: aliased('n', optional(str)),
};

/**
 * SEND_MESSAGE_V2: SEND_MESSAGE with one-letter names on the wire.
 *
 * Units:  as in SEND_MESSAGE.
 * Errors: as in SEND_MESSAGE.
 * Source: RocketMQ 5.3 SendMessageRequestHeaderV2.java, SendMessageProcessor.java
 */
export const sendMessageV2 = defineRequest({
  code: RequestCode.SEND_MESSAGE_V2,
  request: sendMessageV2Fields,
  response: sendMessageResponse,
});
