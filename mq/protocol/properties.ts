import { MqError } from '../errors.ts';
import { quoted } from './quoted.ts';

/** User and system properties of a message, in the order they were set. */
export type Properties = Map<string, string>;

/** The encoded string must fit the record's signed 16-bit length. */
export const MAX_PROPERTIES_BYTES = 0x7fff;

/** Names the protocol reserves (MessageConst.java). */
export const PropertyKey = {
  KEYS: 'KEYS',
  TAGS: 'TAGS',
  WAIT: 'WAIT',
  DELAY: 'DELAY',
  RETRY_TOPIC: 'RETRY_TOPIC',
  REAL_TOPIC: 'REAL_TOPIC',
  REAL_QID: 'REAL_QID',
  TRAN_MSG: 'TRAN_MSG',
  PGROUP: 'PGROUP',
  TRANSACTION_ID: '__transactionId__',
  TRANSACTION_CHECK_TIMES: 'TRANSACTION_CHECK_TIMES',
  TRAN_PREPARED_QUEUE_OFFSET: 'TRAN_PREPARED_QUEUE_OFFSET',
  CHECK_IMMUNITY_TIME_IN_SECONDS: 'CHECK_IMMUNITY_TIME_IN_SECONDS',
  UNIQ_KEY: 'UNIQ_KEY',
  MIN_OFFSET: 'MIN_OFFSET',
  MAX_OFFSET: 'MAX_OFFSET',
  ORIGIN_MESSAGE_ID: 'ORIGIN_MESSAGE_ID',
  DLQ_ORIGIN_TOPIC: 'DLQ_ORIGIN_TOPIC',
  RECONSUME_TIME: 'RECONSUME_TIME',
  MAX_RECONSUME_TIMES: 'MAX_RECONSUME_TIMES',
  CONSUME_START_TIME: 'CONSUME_START_TIME',
  MSG_REGION: 'MSG_REGION',
  TRACE_ON: 'TRACE_ON',
  CLUSTER: 'CLUSTER',
  POP_CK: 'POP_CK',
  FIRST_POP_TIME: '1ST_POP_TIME',
  TIMER_DELAY_SEC: 'TIMER_DELAY_SEC',
  TIMER_DELAY_MS: 'TIMER_DELAY_MS',
  TIMER_DELIVER_MS: 'TIMER_DELIVER_MS',
  TIMER_OUT_MS: 'TIMER_OUT_MS',
  TIMER_ENQUEUE_MS: 'TIMER_ENQUEUE_MS',
  TIMER_DEQUEUE_MS: 'TIMER_DEQUEUE_MS',
  TIMER_ROLL_TIMES: 'TIMER_ROLL_TIMES',
  TIMER_DEL_UNIQKEY: 'TIMER_DEL_UNIQKEY',
  TIMER_DELAY_LEVEL: 'TIMER_DELAY_LEVEL',
  SHARDING_KEY: '__SHARDINGKEY',
  /** `reply`, of a reply. */
  MSG_TYPE: 'MSG_TYPE',
  /** Of a request and of its reply: which reply belongs to which request, and to which client it goes. */
  CORRELATION_ID: 'CORRELATION_ID',
  REPLY_TO_CLIENT: 'REPLY_TO_CLIENT',
  /** How long the requester waits, in ms. */
  TTL: 'TTL',
  /** When the broker pushed a reply, and when the requester got it. */
  PUSH_REPLY_TIME: 'PUSH_REPLY_TIME',
  ARRIVE_TIME: 'ARRIVE_TIME',
} as const;

const NAME_END = '\u0001';
const VALUE_END = '\u0002';

/**
 * Shape: name 0x01 value 0x02 name 0x01 value …, without a trailing 0x02, as 4.9 writes it.
 *
 * Errors: MESSAGE_ILLEGAL when a name or value holds one of the two separators.
 */
export function encodeProperties(properties: ReadonlyMap<string, string>): string {
  for (const [name, value] of properties) {
    if (!hasSeparator(name) && !hasSeparator(value)) continue;
    throw new MqError(
      'MESSAGE_ILLEGAL',
      `property ${quoted(name)} contains 0x01 or 0x02, which separate properties`,
    );
  }
  return reencodeProperties(properties);
}

/**
 * Encodes what `decodeProperties` gave, with no more than its own well-formed additions. A decoded value may hold
 * 0x01, and a broker that refused it here could never retry or deliver a message it has stored.
 */
export function reencodeProperties(properties: ReadonlyMap<string, string>): string {
  return Array.from(properties, ([name, value]) => name + NAME_END + value).join(VALUE_END);
}

function hasSeparator(text: string): boolean {
  return text.includes(NAME_END) || text.includes(VALUE_END);
}

/** Accepts the string with and without a trailing 0x02; pairs with an empty name or value are skipped. */
export function decodeProperties(text: string): Properties {
  const properties: Properties = new Map();
  for (const pair of text.split(VALUE_END)) {
    const at = pair.indexOf(NAME_END);
    if (at > 0 && at < pair.length - 1) properties.set(pair.slice(0, at), pair.slice(at + 1));
  }
  return properties;
}

/** Appends to an encoded string without decoding it; an older value of the same name is overridden. */
export function appendProperty(encoded: string, name: string, value: string): string {
  const separator = encoded === '' || encoded.endsWith(VALUE_END) ? '' : VALUE_END;
  return encoded + separator + name + NAME_END + value;
}

/** Reads one property of an encoded string; the last one of that name wins, as when decoding all. */
export function findProperty(encoded: string, name: string): string | undefined {
  const needle = name + NAME_END;
  for (let at = encoded.lastIndexOf(needle); at >= 0; at = encoded.lastIndexOf(needle, at - 1)) {
    if (at === 0 || encoded[at - 1] === VALUE_END) {
      const from = at + needle.length;
      const end = encoded.indexOf(VALUE_END, from);
      const value = end < 0 ? encoded.slice(from) : encoded.slice(from, end);
      if (value !== '') return value;
    }
    if (at === 0) break;
  }
  return undefined;
}

/** Java's String.hashCode over UTF-16 units: int32. Tag filters and the index depend on these very numbers. */
export function javaHashCode(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) {
    hash = (Math.imul(31, hash) + text.charCodeAt(index)) | 0;
  }
  return hash;
}

/** The tagsCode of a ConsumeQueue entry: the tag's hash, 0 for a message without a tag. */
export function tagsCode(tag: string | undefined): number {
  return tag === undefined || tag === '' ? 0 : javaHashCode(tag);
}
