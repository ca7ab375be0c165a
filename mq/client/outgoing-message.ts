import { MqError } from '../errors.ts';
import { assertTopicName } from '../protocol/names.ts';
import {
  encodeProperties,
  MAX_PROPERTIES_BYTES,
  PropertyKey,
  type Properties,
} from '../protocol/properties.ts';

/** What a producer sends. */
export interface Message {
  topic: string;
  /** A string is sent as UTF-8. Must not be empty: other RocketMQ clients refuse empty bodies. */
  body: Buffer | Uint8Array | string;
  /** One tag, for filters. Neither begins nor ends with a blank: subscriptions are trimmed, and would never match. */
  tags?: string;
  /** Business keys, for looking a message up later. Must not contain blanks, which separate them on the wire. */
  keys?: string | readonly string[];
  /** The user's own; names that the protocol reserves are refused. */
  properties?: Readonly<Record<string, string>>;
  /** Carried through unchanged. */
  flag?: number;
  /** 1–18: 1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h. */
  delayTimeLevel?: number;
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

/** A message checked and put into wire terms, its body not yet compressed. */
export interface OutgoingMessage {
  readonly topic: string;
  readonly flag: number;
  readonly body: Buffer;
  readonly propertiesString: string;
  readonly isDelayed: boolean;
  readonly waitStoreOk: boolean;
  /** The UNIQ_KEY it was given. */
  readonly msgId: string;
}

/**
 * Checks one message and encodes it, with `msgId` as its UNIQ_KEY.
 *
 * Errors: INVALID_ARGUMENT naming the field; MESSAGE_ILLEGAL with both sizes when body or properties are too large.
 */
export function outgoingMessage(
  message: Message,
  msgId: string,
  maxMessageBytes: number,
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
  if (message.tags !== undefined && message.tags !== '') {
    properties.set(PropertyKey.TAGS, checkedTag(message.tags, message.topic));
  }
  const delayLevel = message.delayTimeLevel ?? 0;
  if (!Number.isInteger(delayLevel) || delayLevel < 0) {
    throw illegal(message.topic, `delayTimeLevel ${delayLevel} is not an integer ≥ 0`);
  }
  if (delayLevel > 0) properties.set(PropertyKey.DELAY, String(delayLevel));
  return {
    topic: message.topic,
    flag: message.flag ?? 0,
    body,
    propertiesString: encodeChecked(properties, message.topic),
    isDelayed: delayLevel > 0,
    waitStoreOk,
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
