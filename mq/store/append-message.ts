import { MqError } from '../errors.ts';
import type { HostAddress } from '../protocol/host-address.ts';
import { MAX_TOPIC_BYTES, type RecordFields, type RecordSizes } from '../protocol/message.ts';
import { MAX_PROPERTIES_BYTES } from '../protocol/properties.ts';
import type { PutStatus } from './group-commit.ts';

/** A message as it is given to the store. */
export interface AppendMessage {
  topic: string;
  queueId: number;
  flag: number;
  sysFlag: number;
  bornTimestamp: number;
  bornHost: HostAddress;
  reconsumeTimes: number;
  preparedTransactionOffset: number;
  body: Buffer;
  /** Encoded, see protocol/properties.ts. */
  propertiesString: string;
  /** The hash of the TAGS property. SCHEDULE_TOPIC_XXXX: ignored, the time of delivery takes its place. */
  tagsCode: number;
  /** False: answer once the kernel has it, also with SYNC_FLUSH. */
  waitStoreOk?: boolean | undefined;
  storeHost?: HostAddress | undefined;
}

export interface AppendResult {
  status: PutStatus;
  queueOffset: number;
  commitLogOffset: number;
  sizeBytes: number;
  storeTimestamp: number;
  offsetMsgId: string;
}

/** Is told, once, what became of an append, in the turn of the event loop in which that is known. */
export interface AppendListener {
  stored(result: AppendResult): void;
  refused(error: MqError): void;
}

/** The record of a message; its two offsets are taken when it is placed. */
export function recordFieldsOf(
  message: AppendMessage,
  storeTimestamp: number,
  storeHost: HostAddress,
): RecordFields {
  return {
    topic: message.topic,
    queueId: message.queueId,
    flag: message.flag,
    queueOffset: 0,
    commitLogOffset: 0,
    sysFlag: message.sysFlag,
    bornTimestamp: message.bornTimestamp,
    bornHost: message.bornHost,
    storeTimestamp,
    storeHost: message.storeHost ?? storeHost,
    reconsumeTimes: message.reconsumeTimes,
    preparedTransactionOffset: message.preparedTransactionOffset,
    body: message.body,
    propertiesString: message.propertiesString,
  };
}

/** Errors: MESSAGE_ILLEGAL with both sizes. */
export function assertStorable(
  fields: RecordFields,
  sizes: RecordSizes,
  maxMessageBytes: number,
): void {
  assertAtMost('body', fields.body.length, maxMessageBytes);
  assertAtMost('topic', sizes.topicBytes, MAX_TOPIC_BYTES);
  assertAtMost('properties', sizes.propertiesBytes, MAX_PROPERTIES_BYTES);
  // Recovery takes zeros at the end of a record for a torn write.
  if (fields.propertiesString.endsWith('\0')) {
    throw new MqError('MESSAGE_ILLEGAL', 'properties end in a zero byte');
  }
}

function assertAtMost(what: string, bytes: number, limit: number): void {
  if (bytes <= limit) return;
  throw new MqError('MESSAGE_ILLEGAL', `${what} of ${bytes} bytes exceeds ${limit}`, {
    details: { bytes, limit },
  });
}
