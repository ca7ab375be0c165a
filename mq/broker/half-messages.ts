import { MqError } from '../errors.ts';
import type { RequestOf } from '../protocol/define-request.ts';
import { isRetryTopic } from '../protocol/names.ts';
import {
  decodeProperties,
  findProperty,
  MAX_PROPERTIES_BYTES,
  PropertyKey,
  type Properties,
} from '../protocol/properties.ts';
import type { sendMessage } from '../protocol/requests/send-message.ts';
import { MessageSysFlag } from '../protocol/sys-flag.ts';
import type { AppendMessage } from '../store/message-store.ts';
import { delayLevel } from './delay-levels.ts';
import { firstHalf, HALF_AGAIN_PROPERTIES_BYTES } from './transaction-records.ts';

const delays = [
  PropertyKey.DELAY,
  PropertyKey.TIMER_DELAY_SEC,
  PropertyKey.TIMER_DELAY_MS,
  PropertyKey.TIMER_DELIVER_MS,
];

/**
 * Whether a producer sends a half message. A committed one keeps its TRAN_MSG, and consumers that hand it back send
 * that along: to a retry topic, or with a delay level.
 *
 * Errors: MESSAGE_ILLEGAL when sysFlag says half message or rollback and the properties do not: nobody would see it.
 * Source: RocketMQ 5.3 SendMessageProcessor.sendMessage.
 */
export function isHalfMessage(
  header: Pick<RequestOf<typeof sendMessage>, 'topic' | 'sysFlag' | 'reconsumeTimes'>,
  properties: string,
): boolean {
  const isMarked =
    properties.includes(PropertyKey.TRAN_MSG) &&
    findProperty(properties, PropertyKey.TRAN_MSG)?.toLowerCase() === 'true';
  const isHandedBack =
    isRetryTopic(header.topic) ||
    ((header.reconsumeTimes ?? 0) > 0 &&
      delayLevel(findProperty(properties, PropertyKey.DELAY)) > 0);
  if (isMarked && !isHandedBack) return true;
  const kind = header.sysFlag & MessageSysFlag.TRANSACTION_MASK;
  if (kind === 0 || kind === MessageSysFlag.TRANSACTION_COMMIT) return false;
  throw new MqError(
    'MESSAGE_ILLEGAL',
    `sysFlag ${header.sysFlag} says half message or rollback, but TRAN_MSG is ${isMarked}`,
  );
}

/** Errors: MESSAGE_ILLEGAL (no producer group, a delay, properties too large to be put again with a count of checks). */
export function halfOf(message: AppendMessage): { half: AppendMessage; properties: Properties } {
  const properties = decodeProperties(message.propertiesString);
  if (!properties.has(PropertyKey.PGROUP)) {
    throw new MqError(
      'MESSAGE_ILLEGAL',
      'a half message (TRAN_MSG=true) has no PGROUP: nobody could be asked what became of it',
    );
  }
  for (const name of delays) {
    const value = properties.get(name);
    if (value === undefined || (name === PropertyKey.DELAY && delayLevel(value) === 0)) continue;
    throw new MqError(
      'MESSAGE_ILLEGAL',
      `a message is either transactional or delayed, not both: TRAN_MSG=true and ${name}=${value.slice(0, 40)}`,
    );
  }
  const half = firstHalf(message, properties);
  const bytes = Buffer.byteLength(half.propertiesString);
  const limit = MAX_PROPERTIES_BYTES - HALF_AGAIN_PROPERTIES_BYTES;
  if (bytes <= limit) return { half, properties };
  throw new MqError(
    'MESSAGE_ILLEGAL',
    `properties of ${bytes} bytes exceed ${limit}, the most a half message may have`,
    { details: { propertiesBytes: bytes, limit } },
  );
}
