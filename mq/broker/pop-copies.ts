import type { HostAddress } from '../protocol/host-address.ts';
import { decodeRecord, readRecordHeader } from '../protocol/message.ts';
import {
  decodeProperties,
  MAX_PROPERTIES_BYTES,
  PropertyKey,
  reencodeProperties,
  type Properties,
} from '../protocol/properties.ts';
import type { AppendMessage } from '../store/message-store.ts';
import { copyOf } from './stored-records.ts';

/** What a message that was not acknowledged in time becomes. */
export interface Redelivery {
  /** The topic the group popped, not its retry topic. */
  readonly topic: string;
  readonly target: { readonly topicName: string; readonly writeQueueNums: number };
  readonly popTime: number;
  readonly storeHost: HostAddress;
}

/**
 * The copy of a popped message for the retry topic, or the DLQ: one reconsumption more.
 *
 * Errors: MESSAGE_CORRUPT when the body does not match its CRC.
 * Source: RocketMQ 5.3 PopReviveService.reviveRetry.
 */
export function redelivered(record: Buffer, redelivery: Redelivery): AppendMessage {
  const message = decodeRecord(record);
  const { properties } = message;
  const { topic, target, popTime, storeHost } = redelivery;
  const added: [string, string][] = [
    [PropertyKey.FIRST_POP_TIME, String(popTime)],
    [PropertyKey.RETRY_TOPIC, topic],
    [PropertyKey.ORIGIN_MESSAGE_ID, message.offsetMsgId],
  ];
  for (const [name, value] of added) if (!properties.has(name)) properties.set(name, value);
  dropWhatDoesNotFit(properties, added);
  return {
    ...copyOf(message, properties),
    topic: target.topicName,
    queueId: Math.floor(Math.random() * Math.max(1, target.writeQueueNums)),
    storeHost,
    reconsumeTimes: message.reconsumeTimes + 1,
  };
}

/** Rather a message without its history than one that never comes again. */
function dropWhatDoesNotFit(properties: Properties, added: readonly [string, string][]): void {
  for (const [name] of added) {
    if (Buffer.byteLength(reencodeProperties(properties)) <= MAX_PROPERTIES_BYTES) return;
    properties.delete(name);
  }
}

/**
 * A stored redelivery as members of the group see it: of the topic they pop, with its handle. Undefined when the handle
 * does not fit: clients find out by themselves then.
 *
 * Source: RocketMQ 5.3 PopMessageProcessor.popMsgFromQueue, popResponseReturnActualRetryTopic=false.
 */
export function asPopped(record: Buffer, topic: string, handle: string): Buffer | undefined {
  const header = readRecordHeader(record);
  const bodyEnd = header.bodyAt + header.bodyBytes;
  const propertiesEnd = header.propertiesAt + header.propertiesBytes;
  const properties = decodeProperties(record.toString('utf8', header.propertiesAt, propertiesEnd));
  properties.set(PropertyKey.POP_CK, handle);
  const propertiesString = Buffer.from(reencodeProperties(properties));
  if (propertiesString.length > MAX_PROPERTIES_BYTES) return undefined;
  const topicBytes = Buffer.from(topic);
  // One byte in records of version 1, two in those of version 2.
  const topicLengthBytes = header.propertiesAt - 2 - Buffer.byteLength(header.topic) - bodyEnd;
  const lengths = Buffer.alloc(topicLengthBytes);
  lengths.writeUIntBE(topicBytes.length, 0, topicLengthBytes);
  const propertiesLength = Buffer.alloc(2);
  propertiesLength.writeUInt16BE(propertiesString.length);
  const shown = Buffer.concat([
    record.subarray(0, bodyEnd),
    lengths,
    topicBytes,
    propertiesLength,
    propertiesString,
  ]);
  shown.writeInt32BE(shown.length, 0);
  return shown;
}
