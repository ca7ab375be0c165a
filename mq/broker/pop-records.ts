import { MqError } from '../errors.ts';
import type { HostAddress } from '../protocol/host-address.ts';
import { encodeJsonBody, JsonBody } from '../protocol/json-body.ts';
import { encodeProperties, PropertyKey, tagsCode } from '../protocol/properties.ts';
import type { AppendMessage } from '../store/message-store.ts';

/** The queue a group pops from: `topic` may be a retry topic. */
export interface PopSource {
  readonly topic: string;
  readonly consumerGroup: string;
  readonly queueId: number;
}

/** The same text for equal sources: '@' is in neither a topic's nor a group's alphabet. */
export function sourceKey({ topic, consumerGroup, queueId }: PopSource): string {
  return `${topic}@${consumerGroup}@${queueId}`;
}

/** Queues the revive log may have. Those that reviveQueueNum has no more are read all the same. */
export const MAX_REVIVE_QUEUES = 64;

/** Messages of one pop that are invisible, as the revive log keeps them. */
export interface Checkpoint extends PopSource {
  readonly startOffset: number;
  readonly popTime: number;
  readonly invisibleTime: number;
  readonly queueOffsets: readonly number[];
  readonly brokerName: string;
}

/** Messages of a checkpoint that are done: acknowledged, come again as copies, or in a newer checkpoint. */
export interface CheckpointEnd extends PopSource {
  readonly startOffset: number;
  readonly popTime: number;
  readonly queueOffsets: readonly number[];
  readonly brokerName: string;
}

export type ReviveRecord =
  ({ readonly kind: 'checkpoint' } & Checkpoint) | ({ readonly kind: 'end' } & CheckpointEnd);

/** The message a record of the revive log is stored as. */
interface RecordPlace {
  readonly reviveTopic: string;
  readonly reviveQid: number;
  readonly storeHost: HostAddress;
  readonly nowMs: number;
  /** Which process wrote it. */
  readonly writer: string;
}

const CHECKPOINT_TAG = 'ck';
const ACK_TAG = 'ack';
const BATCH_ACK_TAG = 'bAck';
/** The original lets its timers deliver a checkpoint so long before the messages are due. */
const ACK_TIME_INTERVAL_MS = 1_000;
/** Not a property of the original's: the process that wrote the record knows what is in it. */
export const WRITER_PROPERTY = '__POP_WRITER';
/** The original keeps in a Java byte how many there are, and in an int which of them are done. */
const MAX_MESSAGES = 32;

/** At most 32 messages. Source: RocketMQ 5.3 PopCheckPoint.java, PopMessageProcessor.buildCkMsg. */
export function checkpointRecord(checkpoint: Checkpoint, place: RecordPlace): AppendMessage {
  const { topic, consumerGroup, queueId, startOffset, popTime, invisibleTime } = checkpoint;
  const { brokerName, queueOffsets } = checkpoint;
  const body = encodeJsonBody({
    bm: 0,
    bn: brokerName,
    c: consumerGroup,
    d: queueOffsets.map((offset) => offset - startOffset),
    it: invisibleTime,
    n: queueOffsets.length,
    pt: popTime,
    q: queueId,
    ro: 0,
    so: startOffset,
    t: topic,
  });
  const key = `${topic}@${queueId}@${startOffset}@${consumerGroup}@${popTime}@${brokerName}@${CHECKPOINT_TAG}`;
  const deliverMs = popTime + invisibleTime - ACK_TIME_INTERVAL_MS;
  return record(body, CHECKPOINT_TAG, key, deliverMs, place);
}

/** Source: RocketMQ 5.3 AckMsg.java, BatchAckMsg.java. */
export function checkpointEndRecord(
  end: CheckpointEnd,
  place: RecordPlace,
  invisibleTime: number,
): AppendMessage {
  const { topic, consumerGroup, queueId, startOffset, popTime, brokerName, queueOffsets } = end;
  const isBatch = queueOffsets.length > 1;
  const common = {
    bn: brokerName,
    c: consumerGroup,
    pt: popTime,
    q: queueId,
    so: startOffset,
    t: topic,
  };
  const body = encodeJsonBody(
    isBatch
      ? { ...common, ao: -1, aol: [...queueOffsets] }
      : { ...common, ao: queueOffsets[0] ?? -1 },
  );
  const tag = isBatch ? BATCH_ACK_TAG : ACK_TAG;
  const which = isBatch ? `[${queueOffsets.join(', ')}]` : String(queueOffsets[0] ?? -1);
  const key = `${topic}@${queueId}@${which}@${consumerGroup}@${popTime}@${brokerName}@${tag}`;
  return record(body, tag, key, popTime + invisibleTime, place);
}

function record(
  body: Buffer,
  tag: string,
  uniqKey: string,
  deliverMs: number,
  { reviveTopic, reviveQid, storeHost, nowMs, writer }: RecordPlace,
): AppendMessage {
  return {
    topic: reviveTopic,
    queueId: reviveQid,
    flag: 0,
    sysFlag: 0,
    bornTimestamp: nowMs,
    bornHost: storeHost,
    storeHost,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body,
    propertiesString: encodeProperties(
      new Map([
        [PropertyKey.TAGS, tag],
        [PropertyKey.UNIQ_KEY, uniqKey],
        // The original's revive service takes from it how far it has come in time.
        [PropertyKey.TIMER_DELIVER_MS, String(Math.max(0, deliverMs))],
        [WRITER_PROPERTY, writer],
      ]),
    ),
    tagsCode: tagsCode(tag),
  };
}

/**
 * Reads a record of the revive log, also one of an original's; undefined for one that says nothing.
 *
 * Errors: INVALID_ARGUMENT, MESSAGE_CORRUPT for one that cannot be read.
 */
export function decodeReviveRecord(
  tag: string | undefined,
  body: Buffer,
): ReviveRecord | undefined {
  if (tag !== CHECKPOINT_TAG && tag !== ACK_TAG && tag !== BATCH_ACK_TAG) return undefined;
  const json = JsonBody.parse(body, `revive record ${tag}`);
  const source = {
    topic: json.string('t'),
    consumerGroup: json.string('c'),
    queueId: json.integer('q'),
    startOffset: json.integer('so'),
    popTime: json.integer('pt'),
    brokerName: json.optionalString('bn') ?? '',
  };
  if (tag !== CHECKPOINT_TAG) {
    const queueOffsets = tag === ACK_TAG ? [json.integer('ao')] : json.integers('aol');
    return { kind: 'end', ...source, queueOffsets };
  }
  const count = json.integer('n');
  if (count < 0 || count > MAX_MESSAGES) {
    throw new MqError(
      'MESSAGE_CORRUPT',
      `a checkpoint of ${count} messages, not 0..${MAX_MESSAGES}`,
    );
  }
  const diffs = json.integers('d');
  const done = json.integer('bm', 0);
  const queueOffsets: number[] = [];
  for (let index = 0; index < count; index++) {
    if ((done & (1 << index)) !== 0) continue;
    queueOffsets.push(source.startOffset + (diffs[index] ?? index));
  }
  return {
    kind: 'checkpoint',
    ...source,
    invisibleTime: json.integer('it'),
    queueOffsets,
  };
}
