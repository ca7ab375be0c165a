import { MqError } from '../errors.ts';
import { readInt32 } from './bytes.ts';
import { languageFrom, languageIndex, type LanguageName } from './language-code.ts';
import { quoted } from './quoted.ts';

/**
 * The remoting frame.
 *
 *     int32  length        bytes that follow; does not count itself
 *     uint8  serializeType of the header: 0 JSON, 1 ROCKETMQ (binary)
 *     uint24 headerLength
 *     header, then body = the rest
 *
 * Source: RocketMQ 5.3 RemotingCommand.java, RocketMQSerializable.java.
 */
export const SerializeType = { JSON: 0, ROCKETMQ: 1 } as const;
export type SerializeType = (typeof SerializeType)[keyof typeof SerializeType];

/** Header fields beyond the fixed ones. All values travel as strings. */
export type ExtFields = Record<string, string>;

export interface RemotingCommand {
  /** RequestCode in a request, ResponseCode in a response. */
  code: number;
  language: LanguageName;
  version: number;
  /** Chosen by the requester, echoed in the reply; int32, may be negative. */
  opaque: number;
  /** Bit 0: response. Bit 1: oneway. */
  flag: number;
  remark?: string | undefined;
  extFields?: ExtFields | undefined;
  /** A zero-length body decodes as undefined. A decoded body is a view of the received bytes. */
  body?: Buffer | undefined;
  /** The header encoding this command came in, or is to go out in. */
  serializeType: SerializeType;
}

/** V4_9_8 in MQVersion's numbering: what Millrace declares, and the level of behaviour it follows. */
export const PROTOCOL_VERSION = 409;

const RESPONSE_FLAG = 1;
const ONEWAY_FLAG = 2;
/** Length, serialize type and header length: what must be there before anything can be checked. */
export const FRAME_PREFIX_BYTES = 8;
/** The header's length field has 24 bits. */
const MAX_ENCODED_HEADER_BYTES = 0xffffff;
/** Fixed part of the binary header: code 2, language 1, version 2, opaque 4, flag 4, remark 4, ext 4. */
const BINARY_FIXED_BYTES = 21;

export interface FrameLimits {
  /** Largest frame, length prefix excluded. RocketMQ's own default is 16 MiB. */
  maxFrameBytes: number;
  maxHeaderBytes: number;
}

export const defaultFrameLimits: FrameLimits = {
  maxFrameBytes: 16 * 1024 * 1024,
  maxHeaderBytes: 64 * 1024,
};

export function isResponse(command: RemotingCommand): boolean {
  return (command.flag & RESPONSE_FLAG) !== 0;
}

export function isOneway(command: RemotingCommand): boolean {
  return (command.flag & ONEWAY_FLAG) !== 0;
}

export interface RequestParts {
  code: number;
  extFields?: ExtFields | undefined;
  body?: Buffer | undefined;
  remark?: string | undefined;
}

/** A request without its opaque, which the connection that sends it assigns. */
export function requestCommand(
  parts: RequestParts,
  serializeType: SerializeType = SerializeType.JSON,
): RemotingCommand {
  return {
    code: parts.code,
    language: 'JAVA',
    version: PROTOCOL_VERSION,
    opaque: 0,
    flag: 0,
    remark: parts.remark,
    extFields: parts.extFields,
    body: parts.body,
    serializeType,
  };
}

export function asOneway(command: RemotingCommand): RemotingCommand {
  return { ...command, flag: command.flag | ONEWAY_FLAG };
}

/** The reply to a request: same opaque and same header encoding as the peer used. */
export function responseTo(request: RemotingCommand, parts: RequestParts): RemotingCommand {
  return {
    code: parts.code,
    language: 'JAVA',
    version: PROTOCOL_VERSION,
    opaque: request.opaque,
    flag: RESPONSE_FLAG,
    remark: parts.remark,
    extFields: parts.extFields,
    body: parts.body,
    serializeType: request.serializeType,
  };
}

/**
 * Encodes a whole frame, length prefix included.
 *
 * Errors: FRAME_INVALID when the header does not fit its 24-bit length, or a value its binary field.
 */
export function encodeFrame(command: RemotingCommand): Buffer {
  const bodyBytes = command.body?.length ?? 0;
  const frame = encodeHead(command, bodyBytes);
  command.body?.copy(frame, frame.length - bodyBytes);
  return frame;
}

/** Encodes a frame up to its body, which is to follow as it is. Errors: as encodeFrame. */
export function encodeFrameHead(command: RemotingCommand): Buffer {
  return encodeHead(command, 0);
}

/** The frame up to its body, and room for so many bytes behind it. */
function encodeHead(command: RemotingCommand, roomBytes: number): Buffer {
  const header =
    command.serializeType === SerializeType.JSON
      ? encodeJsonHeader(command)
      : encodeBinaryHeader(command);
  if (header.length > MAX_ENCODED_HEADER_BYTES) {
    const limit = MAX_ENCODED_HEADER_BYTES;
    throw new MqError('FRAME_INVALID', `header of ${header.length} bytes exceeds ${limit}`, {
      details: { headerBytes: header.length, limit },
    });
  }
  const frame = Buffer.allocUnsafe(FRAME_PREFIX_BYTES + header.length + roomBytes);
  frame.writeInt32BE(4 + header.length + (command.body?.length ?? 0), 0);
  frame.writeUInt32BE(((command.serializeType << 24) | header.length) >>> 0, 4);
  header.copy(frame, FRAME_PREFIX_BYTES);
  return frame;
}

function encodeJsonHeader(command: RemotingCommand): Buffer {
  // Keys in alphabetical order, absent members left out: the bytes a Java peer writes.
  return Buffer.from(
    JSON.stringify({
      code: command.code,
      extFields: command.extFields,
      flag: command.flag,
      language: command.language,
      opaque: command.opaque,
      remark: command.remark,
      serializeTypeCurrentRPC: 'JSON',
      version: command.version,
    }),
    'utf8',
  );
}

function encodeBinaryHeader(command: RemotingCommand): Buffer {
  const remark = Buffer.from(command.remark ?? '', 'utf8');
  const entries: [Buffer, Buffer][] = [];
  let extBytes = 0;
  for (const [key, value] of Object.entries(command.extFields ?? {})) {
    const entry: [Buffer, Buffer] = [Buffer.from(key, 'utf8'), Buffer.from(value, 'utf8')];
    if (entry[0].length > 0x7fff) {
      throw new MqError('FRAME_INVALID', `extField name of ${entry[0].length} bytes exceeds 32767`);
    }
    extBytes += 2 + entry[0].length + 4 + entry[1].length;
    entries.push(entry);
  }
  const header = Buffer.allocUnsafe(BINARY_FIXED_BYTES + remark.length + extBytes);
  // Codes above 32767 (the POP family) lose their high bits here, exactly as they do in Java.
  header.writeUInt16BE(command.code & 0xffff, 0);
  header.writeUInt8(languageIndex(command.language), 2);
  header.writeUInt16BE(command.version & 0xffff, 3);
  header.writeInt32BE(command.opaque, 5);
  header.writeInt32BE(command.flag, 9);
  header.writeInt32BE(remark.length, 13);
  let at = 17 + remark.copy(header, 17);
  at = header.writeInt32BE(extBytes, at);
  for (const [key, value] of entries) {
    at = header.writeUInt16BE(key.length, at);
    at += key.copy(header, at);
    at = header.writeInt32BE(value.length, at);
    at += value.copy(header, at);
  }
  return header;
}

/**
 * Decodes one whole frame, length prefix included.
 *
 * Errors: FRAME_INVALID naming the two lengths that disagree, or what the header lacks.
 */
export function decodeFrame(
  frame: Buffer,
  limits: FrameLimits = defaultFrameLimits,
): RemotingCommand {
  const frameBytes = frameBytesAt(frame, 0, limits);
  if (frame.length !== frameBytes) {
    throw invalid(`frame of ${frame.length} bytes declares ${frameBytes}`);
  }
  return decodeFrameAt(frame, 0, frameBytes);
}

/**
 * Decodes the frame that lies in `[at, end)`, as its prefix says, which has been checked.
 *
 * Errors: FRAME_INVALID naming what the header lacks.
 */
export function decodeFrameAt(source: Buffer, at: number, end: number): RemotingCommand {
  const headerAt = at + FRAME_PREFIX_BYTES;
  const bodyAt = headerAt + (source.readInt32BE(at + 4) & MAX_ENCODED_HEADER_BYTES);
  const header = source.subarray(headerAt, bodyAt);
  const command =
    source[at + 4] === SerializeType.JSON ? decodeJsonHeader(header) : decodeBinaryHeader(header);
  if (bodyAt < end) command.body = source.subarray(bodyAt, end);
  return command;
}

/**
 * How long the frame is that begins at `at`. Its first 8 bytes are checked against the limits and each other, before
 * anything is allocated for the rest.
 */
export function frameBytesAt(source: Buffer, at: number, limits: FrameLimits): number {
  if (source.length - at < FRAME_PREFIX_BYTES) {
    throw invalid(`frame prefix of ${source.length - at} bytes, needs 8`);
  }
  const length = readInt32(source, at);
  if (length < 4 || length > limits.maxFrameBytes) {
    throw invalid(`frame length ${length} is outside 4..${limits.maxFrameBytes}`);
  }
  const word = readInt32(source, at + 4);
  const serializeType = word >>> 24;
  if (serializeType !== SerializeType.JSON && serializeType !== SerializeType.ROCKETMQ) {
    throw invalid(`serialize type ${serializeType} is neither 0 (JSON) nor 1 (ROCKETMQ)`);
  }
  const headerLength = word & MAX_ENCODED_HEADER_BYTES;
  if (headerLength > limits.maxHeaderBytes) {
    throw invalid(`header of ${headerLength} bytes exceeds ${limits.maxHeaderBytes}`);
  }
  if (headerLength > length - 4) {
    throw invalid(`header of ${headerLength} bytes is longer than its frame's ${length - 4}`);
  }
  return length + 4;
}

function invalid(reason: string, cause?: unknown): MqError {
  return new MqError('FRAME_INVALID', reason, { cause });
}

function decodeJsonHeader(header: Buffer): RemotingCommand {
  let parsed: unknown;
  try {
    parsed = JSON.parse(header.toString('utf8'));
  } catch (cause) {
    throw invalid(`JSON header of ${header.length} bytes does not parse`, cause);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw invalid('JSON header is not an object');
  }
  const fields = parsed as Record<string, unknown>;
  return {
    code: integerField(fields, 'code'),
    language: languageFrom(fields['language']),
    version: integerField(fields, 'version', 0),
    opaque: integerField(fields, 'opaque'),
    flag: integerField(fields, 'flag', 0),
    remark: typeof fields['remark'] === 'string' ? fields['remark'] : undefined,
    extFields: stringFields(fields['extFields']),
    body: undefined,
    serializeType: SerializeType.JSON,
  };
}

function integerField(fields: Record<string, unknown>, name: string, fallback?: number): number {
  const value = fields[name] ?? fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value !== (value | 0)) {
    throw invalid(
      `header field ${name} is ${quoted(JSON.stringify(value) ?? 'missing')}, not an int32`,
    );
  }
  return value;
}

/** C++ and Node peers put bare numbers and booleans here; Java coerces them to strings and drops nulls. */
function stringFields(value: unknown): ExtFields | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const ext = Object.create(null) as ExtFields;
  for (const [key, field] of Object.entries(value)) {
    if (typeof field === 'string') ext[key] = field;
    else if (field === null) continue;
    else ext[key] = typeof field === 'object' ? JSON.stringify(field) : String(field);
  }
  return ext;
}

function decodeBinaryHeader(header: Buffer): RemotingCommand {
  if (header.length < BINARY_FIXED_BYTES) {
    throw invalid(`binary header of ${header.length} bytes, needs ${BINARY_FIXED_BYTES}`);
  }
  const remarkBytes = header.readInt32BE(13);
  if (remarkBytes < 0 || BINARY_FIXED_BYTES + remarkBytes > header.length) {
    throw invalid(`remark of ${remarkBytes} bytes in a header of ${header.length}`);
  }
  const extAt = 17 + remarkBytes;
  const extBytes = header.readInt32BE(extAt);
  if (extBytes < 0 || extAt + 4 + extBytes !== header.length) {
    throw invalid(`ext map of ${extBytes} bytes, header has ${header.length - extAt - 4} left`);
  }
  return {
    code: header.readInt16BE(0),
    language: languageFrom(header.readUInt8(2)),
    version: header.readUInt16BE(3),
    opaque: header.readInt32BE(5),
    flag: header.readInt32BE(9),
    remark: remarkBytes > 0 ? header.toString('utf8', 17, extAt) : undefined,
    extFields: extBytes > 0 ? decodeExtMap(header.subarray(extAt + 4)) : undefined,
    body: undefined,
    serializeType: SerializeType.ROCKETMQ,
  };
}

function decodeExtMap(map: Buffer): ExtFields {
  const ext = Object.create(null) as ExtFields;
  let at = 0;
  while (at < map.length) {
    const keyBytes = at + 2 <= map.length ? map.readUInt16BE(at) : Infinity;
    const valueAt = at + 2 + keyBytes + 4;
    const valueBytes = valueAt <= map.length ? map.readInt32BE(valueAt - 4) : -1;
    if (valueBytes < 0 || valueAt + valueBytes > map.length) {
      throw invalid(`ext map entry at ${at} overruns the map's ${map.length} bytes`);
    }
    ext[map.toString('utf8', at + 2, valueAt - 4)] = map.toString(
      'utf8',
      valueAt,
      valueAt + valueBytes,
    );
    at = valueAt + valueBytes;
  }
  return ext;
}
