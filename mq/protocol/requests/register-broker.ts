import { defineRequest } from '../define-request.ts';
import { bool, int32, int64, optional, str } from '../fields.ts';
import { RequestCode } from '../request-code.ts';

/**
 * REGISTER_BROKER: a broker tells a name server where it is and which topics it has. Body: see topic-config.ts.
 * Reply body: the KV table of namespace ORDER_TOPIC_CONFIG, if there is one.
 *
 * Units:  bodyCrc32 is `bodyCrc` of the body as sent, 0 for unchecked. haServerAddr in the reply is the master's, for slaves.
 * Shape:  wholeTable is Millrace's own, and of no concern to an Apache name server: the body has all of the broker's
 *         topics, so what it lacks is gone. A 5.x broker may send what changed only.
 * Errors: SYSTEM_ERROR when the CRC does not match.
 * Source: RocketMQ 5.3 RegisterBroker{Request,Response}Header.java, DefaultRequestProcessor.java
 */
export const registerBroker = defineRequest({
  code: RequestCode.REGISTER_BROKER,
  request: {
    brokerName: str,
    brokerAddr: str,
    clusterName: str,
    haServerAddr: str,
    brokerId: int64,
    /** 5.x: replaces the name server's own expiry for this broker. */
    heartbeatTimeoutMillis: optional(int64),
    enableActingMaster: optional(bool),
    compressed: optional(bool),
    bodyCrc32: optional(int32),
    wholeTable: optional(bool),
  },
  response: { haServerAddr: optional(str), masterAddr: optional(str) },
});
