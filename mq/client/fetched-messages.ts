import { MqError } from '../errors.ts';
import { bodyCrc, decodeRecord, type MessageExt } from '../protocol/message.ts';
import { isDlqTopic } from '../protocol/names.ts';
import { PropertyKey } from '../protocol/properties.ts';
import type { SubscriptionData } from '../protocol/subscription.ts';
import { decompressBody } from './compression.ts';
import type { Delivery } from './consume-dispatcher.ts';
import { ConsumedMessage } from './consumed-message.ts';
import type { ProcessQueue } from './process-queue.ts';

export interface DecodedPull {
  /** The records up to the end, or up to the first one whose lengths make no sense. */
  records: MessageExt[];
  /** Why decoding ended before the end of the body: behind such a record nothing can be found. */
  broken?: MqError;
}

/** Cuts the body of a pull reply into records. CRCs are left to `readMessage`: a record with a bad one still has offsets. */
export function decodePull(body: Buffer): DecodedPull {
  const records: MessageExt[] = [];
  let at = 0;
  while (at < body.length) {
    try {
      const record = decodeRecord(body, at, { verifyCrc: false });
      records.push(record);
      at += record.storeSize;
    } catch (error) {
      if (!MqError.is(error)) throw error;
      return { records, broken: error };
    }
  }
  return { records };
}

/**
 * A record as the group that fetched it counts its retries. A dead letter has those of the group that gave it up, after
 * which the first failure of the group that looks after dead letters would be one too many.
 */
export function countedForGroup(record: MessageExt): MessageExt {
  return isDlqTopic(record.topic) ? { ...record, reconsumeTimes: 0 } : record;
}

/**
 * Checks and unpacks one record's body, and returns the message as a listener gets it.
 *
 * Errors: MESSAGE_CORRUPT for a body that does not match its CRC or cannot be inflated within `maxBodyBytes`.
 */
export async function readMessage(
  record: MessageExt,
  brokerName: string,
  maxBodyBytes: number,
): Promise<ConsumedMessage> {
  // A stored CRC of 0 means that it was never computed.
  if (record.bodyCrc !== 0 && bodyCrc(record.body) !== record.bodyCrc) {
    throw new MqError(
      'MESSAGE_CORRUPT',
      `body CRC ${bodyCrc(record.body)} differs from the record's ${record.bodyCrc}`,
    );
  }
  const body = await decompressBody(record.body, record.sysFlag, maxBodyBytes);
  return new ConsumedMessage(record, body, brokerName);
}

/** What a consumer makes of one record it has fetched into a queue; a body that cannot be read is a fault, and no error. */
export async function deliveryOf(
  fetched: MessageExt,
  processQueue: ProcessQueue,
  maxBodyBytes: number,
): Promise<Delivery> {
  const record = countedForGroup(fetched);
  try {
    const { brokerName } = processQueue.queue;
    return { processQueue, record, message: await readMessage(record, brokerName, maxBodyBytes) };
  } catch (fault) {
    if (!MqError.is(fault)) throw fault;
    return { processQueue, record, message: undefined, fault };
  }
}

/** The exact test behind the broker's test by hash: two tags may share a hash. */
export function matchesTags(record: MessageExt, subscription: SubscriptionData): boolean {
  if (subscription.tagsSet.length === 0) return true;
  const tag = record.properties.get(PropertyKey.TAGS);
  return tag !== undefined && subscription.tagsSet.includes(tag);
}
