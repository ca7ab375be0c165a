import { MqError } from '../errors.ts';
import { assertTopicName } from '../protocol/names.ts';
import {
  encodeProperties,
  MAX_PROPERTIES_BYTES,
  PropertyKey,
  type Properties,
} from '../protocol/properties.ts';
import { encodeReconsumeLimit } from './reconsume-limit.ts';

/** To whom a reply goes. */
export interface ReplyTo {
  readonly correlationId: string;
  /** The requester's clientId. */
  readonly replyToClient: string;
  /** How long the requester waits, in ms, as it said. */
  readonly ttl: string | undefined;
  /** Where the requester is known for sure: the broker that the request came from. */
  readonly brokerName: string;
}

/** What a producer sends. */
export interface Message {
  topic: string;
  /** A string is sent as UTF-8. Must not be empty: other RocketMQ clients refuse empty bodies. */
  body: Buffer | Uint8Array | string;
  /** One tag, for filters. Neither begins nor ends with a blank: subscriptions are trimmed, and would never match. */
  tags?: string;
  /** Business keys, for looking a message up later. Must not contain blanks, which separate them on the wire. */
  keys?: string | readonly string[];
  /**
   * What belongs together, an order number for instance: messages of one key go to one queue, where they keep their order,
   * unless the send names a queue itself. Consumers see it as property `__SHARDINGKEY`.
   */
  shardingKey?: string;
  /** The user's own; names that the protocol reserves are refused. */
  properties?: Readonly<Record<string, string>>;
  /** Carried through unchanged. */
  flag?: number;
  /** 1–18: 1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h. */
  delayTimeLevel?: number;
  /** Delivered so many ms after the broker took it. Brokers of RocketMQ 5 only, whose own works in seconds. */
  delayTimeMs?: number;
  /** Delivered at this time, ms since epoch. A past one: at once. As `delayTimeMs`. */
  deliverTimeMs?: number;
  /** How often consumers may be given it again before it is a dead letter; instead of the consumer's own limit. */
  maxReconsumeTimes?: number;
  /** Makes it the reply to a request: see `createReplyMessage`. */
  replyTo?: ReplyTo;
  /** false: do not wait for flush and replication even where the broker would. Default true. */
  waitStoreOk?: boolean;
}

/** Names of MessageConst.java that only clients and brokers themselves may set. */
const reservedNames: ReadonlySet<string> = new Set([
  ...Object.values(PropertyKey),
  'BUYER_ID',
  'CHECK_IMMUNITY_TIME_IN_SECONDS',
  'CORRECTION_FLAG',
  'DUP_INFO',
  'EXTEND_UNIQ_INFO',
  'INSTANCE_ID',
  'MQ2_FLAG',
  'TRAN_PREPARED_QUEUE_OFFSET',
  'TRANSACTION_CHECK_TIMES',
  'TRANSFER_FLAG',
]);

/** The three ways to say when. */
const delays = [
  { option: 'delayTimeLevel', property: PropertyKey.DELAY, lowest: 0 },
  { option: 'delayTimeMs', property: PropertyKey.TIMER_DELAY_MS, lowest: 0 },
  { option: 'deliverTimeMs', property: PropertyKey.TIMER_DELIVER_MS, lowest: 0 },
] as const;

/** A message checked and put into wire terms, its body not yet compressed. */
export interface OutgoingMessage {
  readonly topic: string;
  readonly flag: number;
  readonly body: Buffer;
  readonly propertiesString: string;
  readonly isDelayed: boolean;
  readonly isReply: boolean;
  readonly waitStoreOk: boolean;
  readonly shardingKey: string | undefined;
  /** The UNIQ_KEY it was given. */
  readonly msgId: string;
}

/**
 * Checks one message and encodes it, with `msgId` as its UNIQ_KEY and `marks`, which are properties of the protocol.
 *
 * Errors: INVALID_ARGUMENT naming the field; MESSAGE_ILLEGAL with both sizes when body or properties are too large.
 */
export function outgoingMessage(
  message: Message,
  msgId: string,
  maxMessageBytes: number,
  marks: Iterable<readonly [string, string]> = [],
): OutgoingMessage {
  assertTopicName(message.topic);
  const body = toBuffer(message.body, message.topic);
  if (body.length > maxMessageBytes) {
    throw new MqError(
      'MESSAGE_ILLEGAL',
      `message for ${message.topic}: body of ${body.length} bytes exceeds maxMessageBytes ${maxMessageBytes}`,
      { details: { bytes: body.length, limit: maxMessageBytes } },
    );
  }
  const waitStoreOk = message.waitStoreOk ?? true;
  const properties = userProperties(message);
  const keys = joinedKeys(message);
  if (keys !== '') properties.set(PropertyKey.KEYS, keys);
  properties.set(PropertyKey.UNIQ_KEY, msgId);
  properties.set(PropertyKey.WAIT, String(waitStoreOk));
  for (const [name, value] of marks) properties.set(name, value);
  if (message.tags !== undefined && message.tags !== '') {
    properties.set(PropertyKey.TAGS, checkedTag(message.tags, message.topic));
  }
  if (message.shardingKey !== undefined) {
    properties.set(PropertyKey.SHARDING_KEY, checkedShardingKey(message));
  }
  const isDelayed = setDelay(message, properties);
  if (message.maxReconsumeTimes !== undefined) {
    const limit = encodeReconsumeLimit(message.maxReconsumeTimes, message.topic);
    properties.set(PropertyKey.MAX_RECONSUME_TIMES, limit);
  }
  return {
    topic: message.topic,
    flag: message.flag ?? 0,
    body,
    propertiesString: encodeChecked(properties, message.topic),
    isDelayed,
    isReply: message.replyTo !== undefined,
    waitStoreOk,
    shardingKey: message.shardingKey,
    msgId,
  };
}

function toBuffer(body: Message['body'], topic: string): Buffer {
  if (typeof body !== 'string' && !ArrayBuffer.isView(body)) {
    throw illegal(topic, 'body is neither a string nor a Buffer or another view of bytes');
  }
  const buffer =
    typeof body === 'string'
      ? Buffer.from(body, 'utf8')
      : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (buffer.length === 0) throw illegal(topic, 'body is empty');
  return buffer;
}

function joinedKeys({ keys = [], topic }: Message): string {
  const list = (typeof keys === 'string' ? [keys] : [...keys]).filter((key) => key !== '');
  const wrong = list.find((key) => typeof key !== 'string' || /\s/.test(key));
  if (wrong === undefined) return list.join(' ');
  throw illegal(topic, `key ${JSON.stringify(wrong)} is no text without blanks`);
}

function checkedTag(tag: string, topic: string): string {
  if (typeof tag !== 'string' || tag !== tag.trim()) {
    throw illegal(topic, `tags ${JSON.stringify(tag)} is no text without blanks around it`);
  }
  if (tag.includes('||')) {
    throw illegal(topic, `tags ${JSON.stringify(tag)}: a message has one tag`);
  }
  return tag;
}

function checkedShardingKey({ shardingKey, topic }: Message): string {
  if (typeof shardingKey === 'string' && shardingKey !== '') return shardingKey;
  throw illegal(topic, `shardingKey ${JSON.stringify(shardingKey)} is no text, or an empty one`);
}

function userProperties(message: Message): Properties {
  const properties: Properties = new Map();
  for (const [name, value] of Object.entries(message.properties ?? {})) {
    if (reservedNames.has(name)) {
      throw illegal(message.topic, `property ${JSON.stringify(name)} is reserved`);
    }
    if (name === '' || typeof value !== 'string' || value === '') {
      throw illegal(
        message.topic,
        `property ${JSON.stringify(name)}: name and value must be non-empty strings`,
      );
    }
    properties.set(name, value);
  }
  return properties;
}

/** Returns whether the message waits. */
function setDelay(message: Message, properties: Properties): boolean {
  const given = delays.filter(({ option }) => message[option] !== undefined);
  const [first, second] = given;
  if (first === undefined) return false;
  const value = message[first.option]!;
  if (second !== undefined) {
    throw illegal(
      message.topic,
      `${first.option} ${value} and ${second.option} ${message[second.option]} exclude each other`,
    );
  }
  const { option, property, lowest } = first;
  if (!Number.isSafeInteger(value) || value < lowest) {
    throw illegal(message.topic, `${option} ${value} is not an integer ≥ ${lowest}`);
  }
  // Level 0 means none; a time that has passed is the broker's to judge, by its own clock.
  if (option === 'delayTimeLevel' && value === 0) return false;
  properties.set(property, String(value));
  return true;
}

function encodeChecked(properties: Properties, topic: string): string {
  const encoded = encodeProperties(properties);
  const bytes = Buffer.byteLength(encoded, 'utf8');
  if (bytes > MAX_PROPERTIES_BYTES) {
    throw new MqError(
      'MESSAGE_ILLEGAL',
      `message for ${topic}: properties of ${bytes} bytes exceed ${MAX_PROPERTIES_BYTES}`,
      { details: { bytes, limit: MAX_PROPERTIES_BYTES } },
    );
  }
  return encoded;
}

function illegal(topic: string, reason: string): MqError {
  return new MqError('INVALID_ARGUMENT', `message for ${topic}: ${reason}`);
}
