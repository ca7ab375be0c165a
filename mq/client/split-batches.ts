import { MqError } from '../errors.ts';
import { batchRecordBytes } from '../protocol/batch-body.ts';
import { DEFAULT_MAX_MESSAGE_BYTES } from './client-options.ts';
import { outgoingMessage, type Message } from './outgoing-message.ts';
import { assertFitForBatch } from './send-request.ts';

export interface SplitOptions {
  /** Of the producer that will send them, and of its brokers (`maxMessageSize`). Default 4 MiB. */
  maxMessageBytes?: number;
}

/** Any msgId that a producer gives is as long as the longest, that of an IPv6 host. */
const LONGEST_MSG_ID = 'F'.repeat(56);

/**
 * Splits messages into batches for `Producer.sendBatch`, as few as their order allows: each of one topic and small enough,
 * counted as it travels, with the properties. Messages of one `shardingKey` share batches with no others, for they belong to
 * one queue; so do those without one. Among themselves they keep their order over the batches, which have to be sent one after
 * the other where it matters. Nor do those that wait for a flush share a batch with those that do not (`waitStoreOk`).
 *
 * Errors: MESSAGE_ILLEGAL naming the message and both sizes when one alone is too large; INVALID_ARGUMENT naming the message
 *         that can be in no batch: a delayed one, a reply, a retry topic's.
 */
export function splitIntoBatches(
  messages: readonly Message[],
  { maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES }: SplitOptions = {},
): Message[][] {
  const batches: Message[][] = [];
  const open = new Map<string, { batch: Message[]; bytes: number; waitStoreOk: boolean }>();
  for (const [index, message] of messages.entries()) {
    const outgoing = named(index, () => outgoingMessage(message, LONGEST_MSG_ID, maxMessageBytes));
    assertFitForBatch(index, outgoing);
    const bytes = batchRecordBytes(outgoing);
    if (bytes > maxMessageBytes) throw tooLarge(index, message, bytes, maxMessageBytes);
    const { topic, shardingKey, waitStoreOk } = outgoing;
    const company = JSON.stringify([topic, shardingKey]);
    const last = open.get(company);
    const hasRoom = last !== undefined && last.bytes + bytes <= maxMessageBytes;
    // Another batch of its kind may be open still; what came in between would be overtaken.
    if (hasRoom && last.waitStoreOk === waitStoreOk) {
      last.batch.push(message);
      last.bytes += bytes;
    } else {
      const batch = [message];
      batches.push(batch);
      open.set(company, { batch, bytes, waitStoreOk });
    }
  }
  return batches;
}

/** Says which message it was. */
function named<T>(index: number, encode: () => T): T {
  try {
    return encode();
  } catch (error) {
    if (!MqError.is(error)) throw error;
    const { code, message, details } = error;
    throw new MqError(code, `message ${index}: ${message}`, {
      details: { ...details, index },
      cause: error,
    });
  }
}

function tooLarge(index: number, { topic }: Message, bytes: number, limit: number): MqError {
  return new MqError(
    'MESSAGE_ILLEGAL',
    `message ${index}: message for ${topic}: ${bytes} bytes with its properties exceed maxMessageBytes ${limit}`,
    { details: { index, bytes, limit } },
  );
}
