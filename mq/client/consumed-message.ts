import type { HostAddress } from '../protocol/host-address.ts';
import type { MessageExt } from '../protocol/message.ts';
import { isDlqTopic, isRetryTopic } from '../protocol/names.ts';
import { PropertyKey, type Properties } from '../protocol/properties.ts';

/** A message as a listener gets it: body unpacked, and under its own topic even when it came back for a retry. */
export class ConsumedMessage implements MessageExt {
  readonly topic: string;
  readonly queueId: number;
  readonly flag: number;
  readonly queueOffset: number;
  readonly commitLogOffset: number;
  readonly sysFlag: number;
  readonly bornTimestamp: number;
  readonly bornHost: HostAddress;
  readonly storeTimestamp: number;
  readonly storeHost: HostAddress;
  /** 0 for the first delivery. As Admin lists dead letters: how often it was delivered to the group that gave it up. */
  readonly reconsumeTimes: number;
  readonly preparedTransactionOffset: number;
  readonly body: Buffer;
  readonly bodyCrc: number;
  readonly properties: Properties;
  readonly storeSize: number;
  readonly msgId: string;
  readonly offsetMsgId: string;
  /** The broker it was fetched from; with queueId and queueOffset, where it was fetched. */
  readonly brokerName: string;

  constructor(record: MessageExt, body: Buffer, brokerName: string) {
    this.topic = originalTopic(record);
    this.queueId = record.queueId;
    this.flag = record.flag;
    this.queueOffset = record.queueOffset;
    this.commitLogOffset = record.commitLogOffset;
    this.sysFlag = record.sysFlag;
    this.bornTimestamp = record.bornTimestamp;
    this.bornHost = record.bornHost;
    this.storeTimestamp = record.storeTimestamp;
    this.storeHost = record.storeHost;
    this.reconsumeTimes = record.reconsumeTimes;
    this.preparedTransactionOffset = record.preparedTransactionOffset;
    this.body = body;
    this.bodyCrc = record.bodyCrc;
    this.properties = record.properties;
    this.storeSize = record.storeSize;
    this.msgId = record.msgId;
    this.offsetMsgId = record.offsetMsgId;
    this.brokerName = brokerName;
  }

  get tags(): string | undefined {
    return this.properties.get(PropertyKey.TAGS);
  }

  get keys(): readonly string[] {
    return (
      this.properties
        .get(PropertyKey.KEYS)
        ?.split(' ')
        .filter((key) => key !== '') ?? []
    );
  }

  /** The body as UTF-8. */
  text(): string {
    return this.body.toString('utf8');
  }

  /** The body parsed as JSON; whether it is a T is the caller's knowledge. Throws SyntaxError. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- spares every listener a cast
  json<T>(): T {
    return JSON.parse(this.text()) as T;
  }
}

/** The topic a message was first sent to: retries travel under `%RETRY%group` and name it in a property. */
export function originalTopic(record: MessageExt): string {
  const original = record.properties.get(PropertyKey.RETRY_TOPIC);
  return original !== undefined && isRetryTopic(record.topic) ? original : record.topic;
}

/** Whether a message is of a dead-letter queue, `%DLQ%group`; also when its own consumer gets it again. */
export function isDeadLetter({ topic }: Pick<MessageExt, 'topic'>): boolean {
  return isDlqTopic(topic);
}
