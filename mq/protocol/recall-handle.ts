import { MqError } from '../errors.ts';

/** Names one message that waits for its time, for RECALL_MESSAGE. */
export interface RecallHandle {
  readonly topic: string;
  readonly brokerName: string;
  /** ms since epoch: TIMER_OUT_MS of the message and 1, because brokers may have rounded that down. */
  readonly timestampMs: number;
  /** The producer's own id, UNIQ_KEY. */
  readonly msgId: string;
}

/**
 * Shape:  base64url, padded, of `v1 topic brokerName timestamp msgId`.
 * Source: RocketMQ 5.3 RecallMessageHandle.java.
 */
export function encodeRecallHandle(handle: RecallHandle): string {
  const { topic, brokerName, timestampMs, msgId } = handle;
  const text = ['v1', topic, brokerName, String(timestampMs), msgId].join(' ');
  const unpadded = Buffer.from(text, 'utf8').toString('base64url');
  return unpadded.padEnd(Math.ceil(unpadded.length / 4) * 4, '=');
}

/** Errors: INVALID_ARGUMENT. A text that is no number reads as timestamp −1, as the original has it. */
export function decodeRecallHandle(text: string): RecallHandle {
  const isBase64 = /^[A-Za-z0-9_-]{1,1024}={0,2}$/.test(text);
  const parts = isBase64 ? Buffer.from(text, 'base64url').toString('utf8').split(' ') : [];
  const [version, topic, brokerName, timestamp, ...rest] = parts;
  if (version !== 'v1' || rest.length === 0 || topic === '' || brokerName === '') {
    throw new MqError('INVALID_ARGUMENT', 'recall handle is invalid');
  }
  const timestampMs = Number(timestamp);
  return {
    topic: topic!,
    brokerName: brokerName!,
    timestampMs:
      /^\d{1,16}$/.test(timestamp!) && Number.isSafeInteger(timestampMs) ? timestampMs : -1,
    // Clients make it as they like, also with blanks: half of one would take back another message, or none.
    msgId: rest.join(' '),
  };
}
