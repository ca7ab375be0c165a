import type { MqError } from '../errors.ts';

/** Failures that tell something about the broker, not about the message or its topic. */
const brokerFailures: ReadonlySet<string> = new Set([
  'CONNECT_FAILED',
  'CONNECTION_CLOSED',
  'FLOW_CONTROL',
  'GO_AWAY',
  'REQUEST_TIMEOUT',
  'SERVICE_NOT_AVAILABLE',
  'SYSTEM_BUSY',
]);
/** A broker that was given less time than this is not to blame for having no answer. */
const FAIR_TIMEOUT_MS = 500;

/** Answers of a broker that does not have the queue, or does not take messages for it: the route is not right any more. */
const goneCodes: ReadonlySet<string> = new Set([
  'TOPIC_NOT_EXIST',
  'NO_PERMISSION',
  'NO_ROUTE',
  'NOT_LEADER_FOR_QUEUE',
]);
/** Brokers of RocketMQ 4 say it with a SYSTEM_ERROR, those of 5 with an INVALID_PARAMETER; both have many other reasons. */
const illegalQueue = /queueId.*(?:illegal|outside)/i;

/** Whether others had better go to another broker for a while. */
export function isBrokerFailure(error: MqError, timeoutMs: number): boolean {
  if (error.code === 'REQUEST_TIMEOUT') return timeoutMs >= FAIR_TIMEOUT_MS;
  return brokerFailures.has(error.code);
}

/** Whether the queue that the message was sent to is not where the route says. */
export function isQueueGone({ code, message }: MqError): boolean {
  if (goneCodes.has(code)) return true;
  return (code === 'INVALID_PARAMETER' || code === 'SYSTEM_ERROR') && illegalQueue.test(message);
}
