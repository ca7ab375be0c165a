import { encodeRequest, messageBatch } from './frames.ts';

/** What a send is like. `batchCount` above 1: SEND_BATCH_MESSAGE with so many messages of `bodyBytes`. */
export interface SendShape {
  readonly topic: string;
  /** Above 1: so many topics, named by `topicsOf`, are sent to in turn. Default: the one. */
  readonly topicCount?: number;
  /** Of each topic. */
  readonly queueCount: number;
  readonly bodyBytes: number;
  readonly batchCount: number;
}

export function topicsOf({ topic, topicCount = 1 }: SendShape): string[] {
  if (topicCount === 1) return [topic];
  return Array.from({ length: topicCount }, (_, index) => `${topic}-${index}`);
}

const SEND_MESSAGE_V2 = 310;
const SEND_BATCH_MESSAGE = 320;
/** The first slot's opaque: ten digits, so that all frames of a ring are as long. */
const FIRST_OPAQUE = 1_000_000_000;

/** A unique key has 32 hexadecimal digits, as Java's; of these the last count. */
const keyPrefix = '7F00000100005BE4000000B1';
const keyDigits = 8;
const hexDigits = Buffer.from('0123456789ABCDEF', 'latin1');

/**
 * Send requests laid end to end in one buffer, each with its own opaque: so many as may be on their way at once, and at
 * least one a queue. Sending is a write of neighbours, without encoding anything but the keys.
 *
 * Owner: a slot's bytes may change once its reply is here, and not before: the socket may still be reading them.
 */
export class SendRing {
  readonly slotCount: number;
  readonly messagesPerFrame: number;
  readonly #bytes: Buffer;
  readonly #starts: readonly number[];
  /** Where in a frame the counted digits of its keys are; the same in all. */
  readonly #keyOffsets: readonly (readonly number[])[];
  readonly #bodyEnds: readonly number[];
  readonly #bodyBytes: number;
  #keyCount = 0;

  constructor(shape: SendShape, slotCount: number, queues: { first: number; step: number }) {
    const { queueCount, bodyBytes, batchCount } = shape;
    const topics = topicsOf(shape);
    const allQueues = topics.length * queueCount;
    this.slotCount = Math.max(slotCount, Math.ceil(allQueues / queues.step));
    this.messagesPerFrame = batchCount;
    this.#bodyBytes = bodyBytes;
    const frames = Array.from({ length: this.slotCount }, (_, slot) => {
      const queue = (queues.first + slot * queues.step) % allQueues;
      const topic = topics[Math.floor(queue / queueCount)]!;
      return encodeSend({ ...shape, topic }, FIRST_OPAQUE + slot, queue % queueCount);
    });
    const starts = [0];
    for (const frame of frames) starts.push(starts.at(-1)! + frame.length);
    this.#starts = starts;
    this.#bytes = Buffer.concat(frames);
    this.#keyOffsets = frames.map((frame, slot) => keyOffsetsIn(frame, starts[slot]!));
    this.#bodyEnds = starts.slice(1);
  }

  /** Undefined: an opaque this ring has not given out. */
  slotOf(opaque: number): number | undefined {
    const slot = opaque - FIRST_OPAQUE;
    return slot >= 0 && slot < this.slotCount ? slot : undefined;
  }

  /** Gives the frame's messages new keys. */
  renew(slot: number): void {
    for (const offset of this.#keyOffsets[slot]!) {
      let count = this.#keyCount++;
      for (let digit = keyDigits - 1; digit >= 0; digit -= 1) {
        this.#bytes[offset + digit] = hexDigits[count & 15]!;
        count >>>= 4;
      }
    }
  }

  /** Puts a time at the start of the body of a frame with one message. */
  stamp(slot: number, ms: number): void {
    this.#bytes.writeDoubleBE(ms, this.#bodyEnds[slot]! - this.#bodyBytes);
  }

  /** The frames of the slots `[from, to)`: a view, for the socket. */
  frames(from: number, to: number): Buffer {
    return this.#bytes.subarray(this.#starts[from], this.#starts[to]);
  }
}

function encodeSend(shape: SendShape, opaque: number, queueId: number): Buffer {
  const key = keyPrefix + '0'.repeat(keyDigits);
  const isBatch = shape.batchCount > 1;
  const body = Buffer.alloc(shape.bodyBytes, 'x');
  return encodeRequest({
    code: isBatch ? SEND_BATCH_MESSAGE : SEND_MESSAGE_V2,
    opaque,
    extFields: {
      a: 'bench-producers',
      b: shape.topic,
      c: 'TBW102',
      d: '4',
      e: String(queueId),
      f: '0',
      g: String(Date.now()),
      h: '0',
      i: `UNIQ_KEY\u0001${key}\u0002WAIT\u0001true`,
      j: '0',
      k: 'false',
      m: String(isBatch),
    },
    body: isBatch ? messageBatch(body, `UNIQ_KEY\u0001${key}`, shape.batchCount) : body,
  });
}

function keyOffsetsIn(frame: Buffer, start: number): number[] {
  const offsets: number[] = [];
  let at = frame.indexOf(keyPrefix);
  while (at >= 0) {
    offsets.push(start + at + keyPrefix.length);
    at = frame.indexOf(keyPrefix, at + keyPrefix.length);
  }
  return offsets;
}
