import { MqError } from '../errors.ts';
import { encodeJsonBody, JsonBody } from './json-body.ts';
import { readRetryFlag, retryFlag } from './pop-handle.ts';

/** Messages of one pop, from one queue, that are done. */
export interface BatchAck {
  consumerGroup: string;
  /** As it was popped, also for redeliveries. */
  topic: string;
  isRetry: boolean;
  startOffset: number;
  queueId: number;
  reviveQid: number;
  popTime: number;
  invisibleTime: number;
  queueOffsets: number[];
}

/** The body of BATCH_ACK_MESSAGE. */
export interface BatchAckBody {
  brokerName: string;
  acks: BatchAck[];
}

/** Of one ack: what a pop has at most. What it skipped for their tags has a bit, too, so there may be more of those. */
const MAX_MESSAGES = 32;
const MAX_BITSET_BYTES = 8 * 1024;

export function encodeBatchAck({ brokerName, acks }: BatchAckBody): Buffer {
  return encodeJsonBody({
    acks: acks.map((ack) => ({
      b: encodeBits(ack.queueOffsets.map((offset) => offset - ack.startOffset)),
      c: ack.consumerGroup,
      it: ack.invisibleTime,
      pt: ack.popTime,
      q: ack.queueId,
      r: retryFlag(ack.isRetry),
      rq: ack.reviveQid,
      so: ack.startOffset,
      t: ack.topic,
    })),
    brokerName,
  });
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function decodeBatchAck(body: Buffer | undefined): BatchAckBody {
  const json = JsonBody.parse(body, 'BatchAckMessageRequestBody');
  return {
    brokerName: json.optionalString('brokerName') ?? '',
    acks: json.objects('acks').map((ack) => {
      const startOffset = ack.integer('so');
      return {
        consumerGroup: ack.string('c'),
        topic: ack.string('t'),
        isRetry: readRetryFlag(ack.string('r')),
        startOffset,
        queueId: ack.integer('q'),
        reviveQid: ack.integer('rq'),
        popTime: ack.integer('pt'),
        invisibleTime: ack.integer('it'),
        queueOffsets: decodeBits(ack.string('b')).map((bit) => startOffset + bit),
      };
    }),
  };
}

/** java.util.BitSet.toByteArray in Base64: bit 0 is the lowest of the first byte. */
function encodeBits(bits: readonly number[]): string {
  const bytes = Buffer.alloc(Math.max(0, ...bits.map((bit) => (bit >> 3) + 1)));
  for (const bit of bits) bytes[bit >> 3]! |= 1 << (bit & 7);
  return bytes.toString('base64');
}

function decodeBits(text: string): number[] {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length > MAX_BITSET_BYTES) {
    throw new MqError(
      'INVALID_ARGUMENT',
      `a batch ack has ${bytes.length} bytes of bits, more than ${MAX_BITSET_BYTES}`,
    );
  }
  const bits: number[] = [];
  for (const [index, byte] of bytes.entries()) {
    if (byte === 0) continue;
    for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) bits.push(index * 8 + bit);
    if (bits.length > MAX_MESSAGES) {
      throw new MqError(
        'INVALID_ARGUMENT',
        `a batch ack names more than ${MAX_MESSAGES} messages, which no pop has had`,
      );
    }
  }
  return bits;
}
