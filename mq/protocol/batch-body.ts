import { MqError } from '../errors.ts';

/** One message of a SEND_BATCH_MESSAGE body; topic, queue and times are in the request's header. */
export interface BatchMessage {
  flag: number;
  body: Buffer;
  /** Encoded form, see properties.ts. */
  propertiesString: string;
}

/** size 4, magic 4 (zero), crc 4 (zero), flag 4, body length 4, properties length 2. */
const FIXED_BYTES = 22;

/** What one message takes of a batch body. */
export function batchRecordBytes({ body, propertiesString }: Omit<BatchMessage, 'flag'>): number {
  return FIXED_BYTES + body.length + Buffer.byteLength(propertiesString, 'utf8');
}

/**
 * Encodes a batch body: per message
 * `int32 totalSize, int32 magic = 0, int32 crc = 0, int32 flag, int32 length + body, int16 length + properties`.
 *
 * Source: RocketMQ 5.3 MessageDecoder.encodeMessage.
 */
export function encodeBatchBody(messages: readonly BatchMessage[]): Buffer {
  const properties = messages.map((message) => Buffer.from(message.propertiesString, 'utf8'));
  let size = 0;
  for (const [index, message] of messages.entries()) {
    size += FIXED_BYTES + message.body.length + properties[index]!.length;
  }
  const batch = Buffer.allocUnsafe(size);
  let at = 0;
  for (const [index, message] of messages.entries()) {
    const encoded = properties[index]!;
    at = batch.writeInt32BE(FIXED_BYTES + message.body.length + encoded.length, at);
    at = batch.writeInt32BE(0, at);
    at = batch.writeInt32BE(0, at);
    at = batch.writeInt32BE(message.flag, at);
    at = batch.writeInt32BE(message.body.length, at);
    at += message.body.copy(batch, at);
    at = batch.writeUInt16BE(encoded.length, at);
    at += encoded.copy(batch, at);
  }
  return batch;
}

/**
 * Errors: MESSAGE_ILLEGAL naming the message and the lengths that disagree, or an empty batch. Bodies are
 * views of `batch`.
 */
export function decodeBatchBody(batch: Buffer): BatchMessage[] {
  const messages: BatchMessage[] = [];
  let at = 0;
  while (at < batch.length) {
    const index = messages.length;
    const left = batch.length - at;
    const totalSize = left >= FIXED_BYTES ? batch.readInt32BE(at) : left;
    if (totalSize < FIXED_BYTES || totalSize > left) {
      throw illegal(index, `size ${totalSize} is outside ${FIXED_BYTES}..${left}`);
    }
    const bodyBytes = batch.readInt32BE(at + 16);
    if (bodyBytes < 0 || FIXED_BYTES + bodyBytes > totalSize) {
      throw illegal(index, `body of ${bodyBytes} bytes in a record of ${totalSize}`);
    }
    const propertiesAt = at + FIXED_BYTES + bodyBytes;
    const propertiesBytes = batch.readUInt16BE(propertiesAt - 2);
    if (FIXED_BYTES + bodyBytes + propertiesBytes !== totalSize) {
      throw illegal(
        index,
        `parts add up to ${FIXED_BYTES + bodyBytes + propertiesBytes}, record says ${totalSize}`,
      );
    }
    messages.push({
      flag: batch.readInt32BE(at + 12),
      body: batch.subarray(at + 20, at + 20 + bodyBytes),
      propertiesString: batch.toString('utf8', propertiesAt, propertiesAt + propertiesBytes),
    });
    at += totalSize;
  }
  if (messages.length === 0) throw new MqError('MESSAGE_ILLEGAL', 'batch holds no message');
  return messages;
}

function illegal(index: number, reason: string): MqError {
  return new MqError('MESSAGE_ILLEGAL', `batch message ${index}: ${reason}`);
}
