import { MqError } from '../errors.ts';
import { formatHostPort } from '../protocol/host-address.ts';
import { parseOffsetMsgId } from '../protocol/message-id.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { decodeRecord, decodeRecords, type MessageExt } from '../protocol/message.ts';
import { assertTopicName } from '../protocol/names.ts';
import { PropertyKey } from '../protocol/properties.ts';
import { queryMessage } from '../protocol/requests/query-message.ts';
import { viewMessageById } from '../protocol/requests/view-message-by-id.ts';
import { wholeNumber } from './client-options.ts';
import type { BrokerAddress, ClusterView } from './cluster-view.ts';
import type { ConsumedMessage } from './consumed-message.ts';
import { readMessage } from './fetched-messages.ts';
import type { MqClient } from './mq-client.ts';
import { readQueue } from './queue-reader.ts';
import type { QueueOffsets } from './queue-offsets.ts';
import { shownMessage } from './shown-message.ts';
import { anyAddress, readableQueues } from './topic-queues.ts';

/** Largest body `viewMessage` inflates. */
const MAX_VIEWED_BODY_BYTES = 64 * 1024 * 1024;
const DEFAULT_MAX_NUM = 32;

/** By the time of storing, in ms since epoch, both ends inclusive. */
export interface TimeRangeOptions {
  /** Default: from the beginning. */
  beginMs?: number;
  /** Default: to the end. */
  endMs?: number;
}

export interface QueryMessagesOptions extends TimeRangeOptions {
  /** How many at most, the newest. Default 32; a broker finds no more than its maxMsgsNumBatch, which is 64. */
  maxNum?: number;
}

export interface MessagesByTimeOptions extends TimeRangeOptions {
  /** How many at most, the oldest. Default: all. */
  limit?: number;
}

/** Finds messages by key, id and time, on every broker that has the topic. */
export class MessageFinder {
  readonly #client: MqClient;
  readonly #cluster: ClusterView;
  readonly #offsets: QueueOffsets;

  constructor(client: MqClient, cluster: ClusterView, offsets: QueueOffsets) {
    this.#client = client;
    this.#cluster = cluster;
    this.#offsets = offsets;
  }

  /** See Admin.queryMessages. */
  async byKey(
    topic: string,
    key: string,
    options: QueryMessagesOptions = {},
  ): Promise<ConsumedMessage[]> {
    const maxNum = wholeNumber('maxNum', options.maxNum ?? DEFAULT_MAX_NUM, 1);
    const found = await this.#query(topic, key, { ...options, maxNum }, (record) =>
      keysOf(record).includes(key),
    );
    return found.slice(-maxNum);
  }

  /** See Admin.messageByUniqueKey. */
  async byUniqueKey(topic: string, msgId: string): Promise<ConsumedMessage | undefined> {
    const found = await this.#query(
      topic,
      msgId,
      { maxNum: DEFAULT_MAX_NUM, isUniqueKey: true },
      (record) => record.properties.get(PropertyKey.UNIQ_KEY) === msgId,
    );
    return found[0];
  }

  /** Asks every broker at once, and merges. Errors: the first of a broker that did not answer. */
  async #query(
    topic: string,
    key: string,
    options: QueryMessagesOptions & { maxNum: number; isUniqueKey?: boolean },
    isWanted: (record: MessageExt) => boolean,
  ): Promise<ConsumedMessage[]> {
    assertTopicName(topic);
    assertKey(key);
    const { beginMs, endMs } = timeRange(options);
    const request = {
      topic,
      key,
      maxNum: options.maxNum,
      beginTimestamp: beginMs,
      endTimestamp: endMs,
      isUniqueKey: options.isUniqueKey === true,
    };
    const found = await Promise.all(
      (await this.#brokersOf(topic)).map(async ({ brokerName, address }) => {
        const records = (await this.#ask(address, request)).filter(
          (record) => record.topic === topic && isWanted(record),
        );
        return Promise.all(records.map((each) => shownMessage(this.#client, each, brokerName)));
      }),
    );
    return found.flat().toSorted(byTime);
  }

  async #ask(
    address: string,
    request: Parameters<typeof queryMessage.encodeRequest>[0],
  ): Promise<MessageExt[]> {
    try {
      const { body } = await this.#client.call(address, queryMessage, request);
      return body === undefined ? [] : decodeRecords(body, { verifyCrc: false });
    } catch (error) {
      if (MqError.is(error) && error.code === 'QUERY_NOT_FOUND') return [];
      throw error;
    }
  }

  async #brokersOf(topic: string): Promise<BrokerAddress[]> {
    const { brokerDatas } = await this.#cluster.route(topic);
    return brokerDatas.flatMap((broker) => {
      const address = anyAddress(broker);
      return address === undefined ? [] : [{ brokerName: broker.brokerName, address }];
    });
  }

  /** See Admin.viewMessage. */
  async byOffsetMsgId(offsetMsgId: string): Promise<ConsumedMessage | undefined> {
    const { host, commitLogOffset } = parseOffsetMsgId(offsetMsgId);
    try {
      const { body } = await this.#client.call(formatHostPort(host), viewMessageById, {
        offset: commitLogOffset,
      });
      if (body === undefined) return undefined;
      const record = decodeRecord(body, 0, { verifyCrc: false });
      return await readMessage(record, '', MAX_VIEWED_BODY_BYTES);
    } catch (error) {
      // Brokers have no other way of saying that no message begins there.
      if (MqError.is(error) && error.code === 'SYSTEM_ERROR') return undefined;
      throw error;
    }
  }

  /** See Admin.messagesByTime. */
  async *byTime(
    topic: string,
    options: MessagesByTimeOptions = {},
  ): AsyncGenerator<ConsumedMessage, void, undefined> {
    assertTopicName(topic);
    const { beginMs, endMs } = timeRange(options);
    const limit = options.limit === undefined ? Infinity : wholeNumber('limit', options.limit);
    const readers: AsyncGenerator<ConsumedMessage, void, undefined>[] = [];
    for (const queue of readableQueues(topic, await this.#cluster.route(topic))) {
      readers.push(this.#inQueue(queue, beginMs, endMs));
    }
    let count = 0;
    if (limit === 0) return;
    for await (const message of merged(readers)) {
      yield message;
      if (++count >= limit) return;
    }
  }

  async *#inQueue(
    queue: MessageQueue,
    beginMs: number,
    endMs: number,
  ): AsyncGenerator<ConsumedMessage, void, undefined> {
    const [min, max, begin, behind] = await Promise.all([
      this.#offsets.min(queue),
      this.#offsets.max(queue),
      this.#offsets.atTime(queue, beginMs),
      endMs < Infinity ? this.#offsets.atTime(queue, endMs + 1) : Infinity,
    ]);
    // Between two messages brokers of 4.x answer with the nearer one, and with the last one when all are older.
    const stretch = {
      address: await this.#cluster.addressOf(queue),
      queue,
      from: Math.max(0, min, begin),
      to: Math.min(max, behind + 1),
    };
    for await (const records of readQueue(this.#client, stretch)) {
      for (const record of records) {
        if (record.storeTimestamp < beginMs || record.storeTimestamp > endMs) continue;
        yield await shownMessage(this.#client, record, queue.brokerName);
      }
    }
  }
}

/** The elements of all, the one stored first always next; of each reader one element is held. */
async function* merged(
  readers: AsyncGenerator<ConsumedMessage, void, undefined>[],
): AsyncGenerator<ConsumedMessage, void, undefined> {
  try {
    const firsts = await Promise.all(readers.map((reader) => reader.next()));
    const heads = firsts.map(({ value }, index) => ({ message: value, reader: readers[index]! }));
    for (;;) {
      let first: { message: ConsumedMessage; reader: (typeof readers)[number] } | undefined;
      for (const { message, reader } of heads) {
        if (message === undefined) continue;
        if (first === undefined || byTime(message, first.message) < 0) first = { message, reader };
      }
      if (first === undefined) return;
      yield first.message;
      const { value } = await first.reader.next();
      heads.find(({ reader }) => reader === first.reader)!.message = value;
    }
  } finally {
    await Promise.all(readers.map((reader) => reader.return()));
  }
}

function byTime(left: ConsumedMessage, right: ConsumedMessage): number {
  return (
    left.storeTimestamp - right.storeTimestamp ||
    left.brokerName.localeCompare(right.brokerName) ||
    left.commitLogOffset - right.commitLogOffset
  );
}

/** What a message is found by as a key, to the letter: brokers of the original compare hashes only. */
function keysOf({ properties }: MessageExt): string[] {
  const words = properties.get(PropertyKey.KEYS)?.split(' ') ?? [];
  const uniqueKey = properties.get(PropertyKey.UNIQ_KEY);
  return uniqueKey === undefined ? words : [...words, uniqueKey];
}

/** Errors: INVALID_ARGUMENT. */
function assertKey(key: string): void {
  if (typeof key === 'string' && key !== '' && !key.includes(' ')) return;
  throw new MqError(
    'INVALID_ARGUMENT',
    `the key is ${JSON.stringify(key)}: it must be a text without blanks, which part the keys of a message`,
  );
}

function timeRange({ beginMs = 0, endMs = Infinity }: TimeRangeOptions): {
  beginMs: number;
  endMs: number;
} {
  wholeNumber('beginMs', beginMs);
  if (endMs !== Infinity) wholeNumber('endMs', endMs);
  if (beginMs <= endMs) return { beginMs, endMs };
  throw new MqError('INVALID_ARGUMENT', `beginMs ${beginMs} is after endMs ${endMs}`);
}
