import { defineRequest } from '../define-request.ts';
import { RequestCode } from '../request-code.ts';
import { pullMessageFields, pullMessageResponse } from './pull-message.ts';

/**
 * LITE_PULL_MESSAGE: PULL_MESSAGE as the 5.x DefaultLitePullConsumer sends it; 4.9 uses PULL_MESSAGE with the LITE_PULL bit.
 *
 * Units:  as in PULL_MESSAGE.
 * Errors: as in PULL_MESSAGE.
 * Source: RocketMQ 5.3 LitePullMessageRequest, PullMessageProcessor.java
 */
export const litePullMessage = defineRequest({
  code: RequestCode.LITE_PULL_MESSAGE,
  request: pullMessageFields,
  response: pullMessageResponse,
});
