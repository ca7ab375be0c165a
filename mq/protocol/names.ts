import { MqError } from '../errors.ts';
import { MAX_TOPIC_BYTES } from './message.ts';
import { quoted } from './quoted.ts';

/** Topics that the broker itself owns or that a fresh broker starts with. */
export const SystemTopic = {
  /** Its settings are what a topic created on send starts from. */
  AUTO_CREATE: 'TBW102',
  SCHEDULE: 'SCHEDULE_TOPIC_XXXX',
  TIMER: 'rmq_sys_wheel_timer',
  BENCHMARK: 'BenchmarkTest',
  SELF_TEST: 'SELF_TEST_TOPIC',
  OFFSET_MOVED_EVENT: 'OFFSET_MOVED_EVENT',
  TRANSACTION_HALF: 'RMQ_SYS_TRANS_HALF_TOPIC',
  TRANSACTION_OP: 'RMQ_SYS_TRANS_OP_HALF_TOPIC',
  TRANSACTION_CHECK_MAX_TIME: 'TRANS_CHECK_MAX_TIME_TOPIC',
  TRACE: 'RMQ_SYS_TRACE_TOPIC',
} as const;

export const RETRY_PREFIX = '%RETRY%';
const DLQ_PREFIX = '%DLQ%';

/** Topics of 5.x peers whose names are composed from cluster and broker names. */
const SYSTEM_PREFIX = 'rmq_sys_';
const REPLY_POSTFIX = '_REPLY_TOPIC';
const REVIVE_PREFIX = `${SYSTEM_PREFIX}REVIVE_LOG_`;

const LEGAL_NAME = /^[%|a-zA-Z0-9_-]+$/;
/** A longer group could not have a retry topic: `%RETRY%` + group must fit a V1 record's topic length. */
export const MAX_GROUP_CHARS = MAX_TOPIC_BYTES - RETRY_PREFIX.length;

const systemTopics: ReadonlySet<string> = new Set(Object.values(SystemTopic));
const closedToProducers: ReadonlySet<string> = new Set([
  SystemTopic.SCHEDULE,
  SystemTopic.TIMER,
  SystemTopic.TRANSACTION_HALF,
  SystemTopic.TRANSACTION_OP,
  SystemTopic.TRANSACTION_CHECK_MAX_TIME,
  SystemTopic.SELF_TEST,
  SystemTopic.OFFSET_MOVED_EVENT,
]);
/** Where messages are that no consumer may have yet, and what the broker notes about them. */
const heldBack: ReadonlySet<string> = new Set([
  SystemTopic.SCHEDULE,
  SystemTopic.TIMER,
  SystemTopic.TRANSACTION_HALF,
  SystemTopic.TRANSACTION_OP,
]);

export function isValidTopicName(name: string): boolean {
  return name.length <= MAX_TOPIC_BYTES && LEGAL_NAME.test(name);
}

/** Errors: INVALID_ARGUMENT naming the topic and what is wrong with it. */
export function assertTopicName(name: string): void {
  assertName('topic', name, MAX_TOPIC_BYTES);
}

/** Errors: INVALID_ARGUMENT naming the group and what is wrong with it. */
export function assertGroupName(name: string): void {
  assertName('group', name, MAX_GROUP_CHARS);
}

function assertName(kind: string, name: string, maxChars: number): void {
  if (typeof name !== 'string') {
    throw new MqError('INVALID_ARGUMENT', `${kind} name is ${String(name)}, not a text`);
  }
  if (name === '') throw new MqError('INVALID_ARGUMENT', `${kind} name is empty`);
  if (name.length > maxChars) {
    throw new MqError(
      'INVALID_ARGUMENT',
      `${kind} name of ${name.length} characters exceeds ${maxChars}: ${name.slice(0, 40)}…`,
      { details: { chars: name.length, limit: maxChars } },
    );
  }
  if (!LEGAL_NAME.test(name)) {
    throw new MqError(
      'INVALID_ARGUMENT',
      `${kind} name ${quoted(name)} may only contain a-z A-Z 0-9 _ - % |`,
    );
  }
}

export function isSystemTopic(topic: string): boolean {
  return systemTopics.has(topic) || topic.startsWith(SYSTEM_PREFIX);
}

/** Topics that only the broker writes to; a send to one of them is refused with NO_PERMISSION. */
export function isClosedToProducers(topic: string): boolean {
  return closedToProducers.has(topic) || topic.startsWith(REVIVE_PREFIX);
}

/** Topics whose messages wait for their time or their commit. Tools may look at them; nobody may consume them. */
export function isHeldBack(topic: string): boolean {
  return heldBack.has(topic) || topic.startsWith(REVIVE_PREFIX);
}

/** The topic that carries a consumer group's redeliveries. */
export function retryTopic(consumerGroup: string): string {
  return RETRY_PREFIX + consumerGroup;
}

/** The topic that replies to requests of a cluster go to. */
export function replyTopic(clusterName: string): string {
  return clusterName + REPLY_POSTFIX;
}

export function isReplyTopic(topic: string): boolean {
  return topic.endsWith(REPLY_POSTFIX);
}

/** The topic that carries what members of a group popped from a topic and did not acknowledge in time. */
export function popRetryTopic(topic: string, consumerGroup: string): string {
  return `${RETRY_PREFIX}${consumerGroup}_${topic}`;
}

/** The topic whose redeliveries are in a topic that a group pops; the topic itself when it is no retry topic of that kind. */
export function poppedTopic(topic: string, consumerGroup: string): string {
  const prefix = popRetryTopic('', consumerGroup);
  return topic.startsWith(prefix) && topic.length > prefix.length
    ? topic.slice(prefix.length)
    : topic;
}

/** Where a broker keeps what is popped and not acknowledged: rmq_sys_REVIVE_LOG_<cluster>. */
export function reviveTopic(clusterName: string): string {
  return REVIVE_PREFIX + clusterName;
}

/** The topic that keeps what a consumer group gave up on. */
export function dlqTopic(consumerGroup: string): string {
  return DLQ_PREFIX + consumerGroup;
}

export function isRetryTopic(topic: string): boolean {
  return topic.startsWith(RETRY_PREFIX);
}

export function isDlqTopic(topic: string): boolean {
  return topic.startsWith(DLQ_PREFIX);
}
