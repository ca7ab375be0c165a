import type { HostAddress } from '../protocol/host-address.ts';
import {
  assertIntact,
  decodeRecord,
  readRecordHeader,
  type MessageExt,
} from '../protocol/message.ts';
import { SystemTopic } from '../protocol/names.ts';
import {
  decodeProperties,
  encodeProperties,
  PropertyKey,
  reencodeProperties,
  tagsCode,
  type Properties,
} from '../protocol/properties.ts';
import { MessageSysFlag } from '../protocol/sys-flag.ts';
import type { AppendMessage } from '../store/message-store.ts';
import { copyOf } from './stored-records.ts';
import type { Outcome } from './transaction-table.ts';

/** The tag of every op message, as the original reads it. */
const OP_TAG = 'd';
/** Ours, on an op message: why the half message ended. Absent on one that an original wrote. */
const OP_STATE = 'TRANSACTION_STATE';
/** Half and op messages of the original lie in queue 0, and so do all of ours but the marks of `resumedMark`. */
export const TRANSACTION_QUEUE = 0;
/** Of the op topic: says which messages of TRANS_CHECK_MAX_TIME_TOPIC were resumed. Unknown to the original. */
export const RESUMED_QUEUE = 1;

/** MOVED: put again, so the transaction goes on under another half message. */
export type OpState = Outcome | 'MOVED';

/** What has to be known of a half message, read without its body. */
export interface StoredHalf {
  readonly id: number;
  readonly queueOffset: number;
  readonly commitLogOffset: number;
  readonly storeTimestamp: number;
  readonly producerGroup: string;
  readonly checkCount: number;
  readonly immunityMs: number;
  /** It was checked before, and does not say which half message it was then. */
  readonly isPutAgainByOriginal: boolean;
  readonly uniqKey: string;
}

export interface StoredOp {
  readonly queueOffset: number;
  /** Of the half messages it ends: one of ours, up to a thousand of an original 5.x. */
  readonly halfOffsets: readonly number[];
  /** Undefined for an original's. */
  readonly ours: { readonly state: OpState; readonly id: number } | undefined;
}

/**
 * The message as it waits for its outcome: other topic and queue, the originals in REAL_TOPIC and REAL_QID. `properties`
 * are the message's decoded ones and are changed; what the broker keeps there about a transaction is not the sender's.
 */
export function firstHalf(message: AppendMessage, properties: Properties): AppendMessage {
  properties.delete(PropertyKey.TRANSACTION_CHECK_TIMES);
  properties.delete(PropertyKey.TRAN_PREPARED_QUEUE_OFFSET);
  const uniqKey = properties.get(PropertyKey.UNIQ_KEY);
  if (uniqKey !== undefined) properties.set(PropertyKey.TRANSACTION_ID, uniqKey);
  properties.set(PropertyKey.REAL_TOPIC, message.topic);
  properties.set(PropertyKey.REAL_QID, String(message.queueId));
  return {
    ...message,
    topic: SystemTopic.TRANSACTION_HALF,
    queueId: TRANSACTION_QUEUE,
    sysFlag: message.sysFlag & ~MessageSysFlag.TRANSACTION_MASK,
    propertiesString: reencodeProperties(properties),
  };
}

/** The room that `halfAgain` needs for what it adds to the properties. */
export const HALF_AGAIN_PROPERTIES_BYTES = Buffer.byteLength(
  encodeProperties(
    new Map([
      ['', ''],
      [PropertyKey.TRANSACTION_CHECK_TIMES, String(2 ** 31)],
      [PropertyKey.TRAN_PREPARED_QUEUE_OFFSET, String(Number.MAX_SAFE_INTEGER)],
    ]),
  ),
);

/** A half message, or a discarded one, put into the half topic again. `id` is undefined for one that begins anew. */
export function halfAgain(
  message: MessageExt,
  id: number | undefined,
  checkCount: number,
): AppendMessage {
  const properties = new Map(message.properties);
  properties.set(PropertyKey.TRANSACTION_CHECK_TIMES, String(checkCount));
  if (id !== undefined) properties.set(PropertyKey.TRAN_PREPARED_QUEUE_OFFSET, String(id));
  return {
    ...transactionCopy(message, properties),
    topic: SystemTopic.TRANSACTION_HALF,
    queueId: TRANSACTION_QUEUE,
  };
}

/** The half message as consumers get it; undefined when it does not say where it belongs. */
export function committedCopy(half: MessageExt): AppendMessage | undefined {
  const destination = destinationOf(half);
  if (destination === undefined) return undefined;
  const properties = new Map(half.properties);
  properties.delete(PropertyKey.TRAN_PREPARED_QUEUE_OFFSET);
  const sysFlag = half.sysFlag & ~MessageSysFlag.TRANSACTION_MASK;
  return {
    ...transactionCopy(half, properties),
    ...destination,
    sysFlag: sysFlag | MessageSysFlag.TRANSACTION_COMMIT,
  };
}

/** The half message as it waits for an operator. */
export function discardedCopy(half: MessageExt, id: number): AppendMessage {
  const properties = new Map(half.properties);
  properties.set(PropertyKey.TRAN_PREPARED_QUEUE_OFFSET, String(id));
  return {
    ...transactionCopy(half, properties),
    topic: SystemTopic.TRANSACTION_CHECK_MAX_TIME,
    queueId: 0,
  };
}

/** Where a half message goes when it is committed. */
export function destinationOf({
  properties,
}: MessageExt): { topic: string; queueId: number } | undefined {
  const topic = properties.get(PropertyKey.REAL_TOPIC);
  const queueId = Number(properties.get(PropertyKey.REAL_QID) ?? Number.NaN);
  return topic === undefined || !Number.isInteger(queueId) ? undefined : { topic, queueId };
}

/**
 * Its preparedTransactionOffset says which message it was copied from: a start finds by it what a crash cut off.
 *
 * Errors: MESSAGE_CORRUPT for a damaged body.
 */
function transactionCopy(message: MessageExt, properties: Properties): AppendMessage {
  assertIntact(message);
  return {
    ...copyOf(message, properties),
    preparedTransactionOffset: message.commitLogOffset,
  };
}

/** Ends the half message at `halfOffset`. */
export function opMessage(
  halfOffset: number,
  id: number,
  state: OpState,
  by: { host: HostAddress; nowMs: number },
): AppendMessage {
  const properties = new Map([
    [PropertyKey.TAGS, OP_TAG],
    [OP_STATE, state],
    [PropertyKey.TRAN_PREPARED_QUEUE_OFFSET, String(id)],
  ]);
  return ownMessage(TRANSACTION_QUEUE, String(halfOffset), properties, by);
}

/** Says that the message at `queueOffset` of TRANS_CHECK_MAX_TIME_TOPIC is a half message again. */
export function resumedMark(
  queueOffset: number,
  by: { host: HostAddress; nowMs: number },
): AppendMessage {
  const properties = new Map([[PropertyKey.TAGS, OP_TAG]]);
  return ownMessage(RESUMED_QUEUE, String(queueOffset), properties, by);
}

function ownMessage(
  queueId: number,
  body: string,
  properties: Properties,
  { host, nowMs }: { host: HostAddress; nowMs: number },
): AppendMessage {
  return {
    topic: SystemTopic.TRANSACTION_OP,
    queueId,
    flag: 0,
    sysFlag: 0,
    bornTimestamp: nowMs,
    bornHost: host,
    storeHost: host,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body: Buffer.from(body),
    propertiesString: reencodeProperties(properties),
    tagsCode: tagsCode(OP_TAG),
  };
}

/** Errors: MESSAGE_CORRUPT. */
export function readStoredHalf(record: Buffer, transactionTimeOutMs: number): StoredHalf {
  const header = readRecordHeader(record);
  const { propertiesAt, propertiesBytes, queueOffset, preparedTransactionOffset } = header;
  const properties = decodeProperties(
    record.toString('utf8', propertiesAt, propertiesAt + propertiesBytes),
  );
  const checkCount = wholeNumber(properties.get(PropertyKey.TRANSACTION_CHECK_TIMES));
  const isOurs = preparedTransactionOffset > 0;
  return {
    id: transactionId(properties, queueOffset),
    queueOffset,
    commitLogOffset: header.commitLogOffset,
    storeTimestamp: header.storeTimestamp,
    producerGroup: properties.get(PropertyKey.PGROUP) ?? '',
    // The original also counts checks that reached nobody, and its half messages point to none before them.
    checkCount: isOurs ? (checkCount ?? 0) : 0,
    immunityMs: immunityMs(properties, transactionTimeOutMs),
    isPutAgainByOriginal:
      !isOurs &&
      checkCount !== undefined &&
      !properties.has(PropertyKey.TRAN_PREPARED_QUEUE_OFFSET),
    uniqKey: properties.get(PropertyKey.UNIQ_KEY) ?? '',
  };
}

/** The queueOffset of the transaction's first half message. */
export function transactionId(properties: Properties, queueOffset: number): number {
  return wholeNumber(properties.get(PropertyKey.TRAN_PREPARED_QUEUE_OFFSET)) ?? queueOffset;
}

/**
 * How long a half message must not be checked: the producer's CHECK_IMMUNITY_TIME_IN_SECONDS if that is longer than
 * transactionTimeOut.
 */
export function immunityMs(properties: Properties, transactionTimeOutMs: number): number {
  const seconds = wholeNumber(properties.get(PropertyKey.CHECK_IMMUNITY_TIME_IN_SECONDS)) ?? 0;
  return Math.max(transactionTimeOutMs, seconds * 1000);
}

/** Errors: MESSAGE_CORRUPT. */
export function readStoredOp(record: Buffer): StoredOp {
  const { queueOffset, body, properties } = decodeRecord(record, 0, { verifyCrc: false });
  const id = wholeNumber(properties.get(PropertyKey.TRAN_PREPARED_QUEUE_OFFSET));
  const state = opState(properties.get(OP_STATE));
  return {
    queueOffset,
    halfOffsets: body
      .toString()
      .split(',')
      .flatMap((text) => wholeNumber(text) ?? []),
    ours: state === undefined || id === undefined ? undefined : { state, id },
  };
}

function opState(text: string | undefined): OpState | undefined {
  switch (text) {
    case 'COMMITTED':
    case 'ROLLED_BACK':
    case 'DISCARDED':
    case 'MOVED':
      return text;
    default:
      return undefined;
  }
}

function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}
