/**
 * The few frames the generator speaks, of its own making: a benchmark that used the client of one of the two brokers would
 * measure that client.
 *
 * Source: RocketMQ 5.3 RemotingCommand.java, MessageDecoder.java; headers are JSON, as its clients send them.
 */

export interface RequestParts {
  readonly code: number;
  readonly opaque: number;
  readonly extFields: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** Length, serialize type and header length. */
const PREFIX_BYTES = 8;
const BINARY_HEADER = 1;
/** Of the version this generator claims to be: 4.9.8, which every 5.x broker serves. */
const VERSION = 409;

export function encodeRequest({ code, opaque, extFields, body }: RequestParts): Buffer {
  const header = Buffer.from(
    JSON.stringify({ code, extFields, flag: 0, language: 'JAVA', opaque, version: VERSION }),
  );
  const bodyBytes = body?.length ?? 0;
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeInt32BE(4 + header.length + bodyBytes, 0);
  // A serialize type of 0, JSON, in the highest byte.
  prefix.writeUInt32BE(header.length, 4);
  return Buffer.concat(body === undefined ? [prefix, header] : [prefix, header, body]);
}

/** The body of a SEND_BATCH_MESSAGE: size, magic, CRC, flag, body, properties, one after another. */
export function messageBatch(body: Buffer, properties: string, count: number): Buffer {
  const propertyBytes = Buffer.from(properties);
  const one = Buffer.alloc(4 + 4 + 4 + 4 + 4 + body.length + 2 + propertyBytes.length);
  one.writeInt32BE(one.length, 0);
  one.writeInt32BE(body.length, 16);
  body.copy(one, 20);
  one.writeInt16BE(propertyBytes.length, 20 + body.length);
  propertyBytes.copy(one, 22 + body.length);
  return Buffer.concat(Array.from({ length: count }, () => one));
}

/** Where a frame lies in a buffer: its header `[headerStart, bodyStart)`, its body `[bodyStart, end)`. */
export interface FrameView {
  bytes: Buffer;
  headerStart: number;
  bodyStart: number;
  end: number;
}

/** Cuts what a socket reads into frames. The view handed out is used again for the next frame. */
export class FrameSplitter {
  #rest: Buffer | undefined;
  readonly #view: FrameView = { bytes: Buffer.alloc(0), headerStart: 0, bodyStart: 0, end: 0 };

  /** `chunk` may be overwritten after the call. */
  feed(chunk: Buffer, onFrame: (frame: FrameView) => void): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    while (bytes.length - start >= PREFIX_BYTES) {
      const end = start + 4 + bytes.readInt32BE(start);
      if (end > bytes.length) break;
      const view = this.#view;
      view.bytes = bytes;
      view.headerStart = start + PREFIX_BYTES;
      view.bodyStart = view.headerStart + (bytes.readUInt32BE(start + 4) & 0xffffff);
      view.end = end;
      onFrame(view);
      start = end;
    }
    this.#rest = start === bytes.length ? undefined : Buffer.from(bytes.subarray(start));
  }
}

const opaqueName = Buffer.from('"opaque":', 'latin1');
const codeStart = Buffer.from('{"code":', 'latin1');
const ZERO = 0x30;
const NINE = 0x39;
const MINUS = 0x2d;
const COMMA = 0x2c;

/**
 * Reads the code and the opaque of replies, which come in the thousands and look alike: the opaque is looked for where the
 * last one was, then by search.
 */
export class ReplyReader {
  #opaqueDistance = 0;

  codeOf({ bytes, headerStart, bodyStart }: FrameView): number {
    if (isBinary(bytes, headerStart)) return bytes.readInt16BE(headerStart);
    const at = headerStart + codeStart.length;
    // Both brokers write the code first; nothing obliges them to.
    if (bytes[at] === ZERO && bytes[at + 1] === COMMA && matches(bytes, headerStart, codeStart)) {
      return 0;
    }
    const { code } = JSON.parse(bytes.toString('utf8', headerStart, bodyStart)) as { code: number };
    return code;
  }

  opaqueOf({ bytes, headerStart, bodyStart }: FrameView): number {
    if (isBinary(bytes, headerStart)) return bytes.readInt32BE(headerStart + 5);
    let at = headerStart + this.#opaqueDistance;
    if (!matches(bytes, at, opaqueName)) {
      at = bytes.indexOf(opaqueName, headerStart);
      if (at < 0 || at >= bodyStart) throw new Error('a reply has no opaque');
      this.#opaqueDistance = at - headerStart;
    }
    at += opaqueName.length;
    const isNegative = bytes[at] === MINUS;
    if (isNegative) at += 1;
    let value = 0;
    for (let digit = bytes[at]!; digit >= ZERO && digit <= NINE; digit = bytes[at]!) {
      value = value * 10 + (digit - ZERO);
      at += 1;
    }
    return isNegative ? -value : value;
  }
}

/** The serialize type is the first byte of the four before the header. */
function isBinary(bytes: Buffer, headerStart: number): boolean {
  return bytes[headerStart - 4] === BINARY_HEADER;
}

function matches(bytes: Buffer, at: number, text: Buffer): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (bytes[at + index] !== text[index]) return false;
  }
  return true;
}
