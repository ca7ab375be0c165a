import { defineRequest } from '../define-request.ts';
import { RequestCode } from '../request-code.ts';

/**
 * HEART_BEAT: a client names its groups and subscriptions. Body: see heartbeat.ts.
 *
 * The reply has no fields: without IS_SUPPORT_HEART_BEAT_V2 a 5.x client keeps sending whole heartbeats.
 * Source: RocketMQ 5.3 HeartbeatData.java, ClientManageProcessor.java
 */
export const heartBeat = defineRequest({
  code: RequestCode.HEART_BEAT,
  request: {},
  response: {},
});
