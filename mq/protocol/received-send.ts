import { readInt32 } from './bytes.ts';
import type { RequestOf } from './define-request.ts';
import { decodeFrameAt, type ExtFields, type RemotingCommand } from './frame.ts';
import { languageFrom, type LanguageName } from './language-code.ts';
import { RequestCode } from './request-code.ts';
import type { sendMessageV2 } from './requests/send-message-v2.ts';

export type SendHeader = RequestOf<typeof sendMessageV2>;

const FRAME_PREFIX_BYTES = 8;
const RESPONSE_FLAG = 1;
/** What a send must have, one bit each: the header fields `a` to `h`, and the opaque. */
const REQUIRED_FIELDS = 0x1ff;
const OPAQUE_FIELD = 0x100;

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const COLON = 0x3a;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const BACKSLASH = 0x5c;

/** A SEND_MESSAGE_V2 or SEND_BATCH_MESSAGE whose header fields have been read, as values and not as texts. */
export class ReceivedSend implements RemotingCommand {
  readonly code: number;
  readonly language: LanguageName;
  readonly version: number;
  readonly opaque: number;
  readonly flag: number;
  readonly remark = undefined;
  readonly body: Buffer | undefined;
  readonly serializeType: 0 | 1;
  readonly header: SendHeader;
  readonly #frame: Buffer;
  #extFields: ExtFields | undefined;

  constructor(frame: Buffer, fixed: FixedFields, header: SendHeader, body: Buffer | undefined) {
    this.code = fixed.code;
    this.language = fixed.language;
    this.version = fixed.version;
    this.opaque = fixed.opaque;
    this.flag = fixed.flag;
    this.body = body;
    this.serializeType = frame[4] === 0 ? 0 : 1;
    this.header = header;
    this.#frame = frame;
  }

  /** For whoever wants them all the same. */
  get extFields(): ExtFields | undefined {
    return (this.#extFields ??= decodeFrameAt(this.#frame, 0, this.#frame.length).extFields);
  }
}

interface FixedFields {
  code: number;
  language: LanguageName;
  version: number;
  opaque: number;
  flag: number;
}

type MutableHeader = { -readonly [K in keyof SendHeader]: SendHeader[K] };

/**
 * Reads the requests that a broker gets most, from their bytes to the values of their fields, without the object of all
 * texts between. What it returns is what `decodeFrame` and `sendMessageV2.decodeRequest` make of the frame.
 *
 * It reads headers as the clients' encoders write them: ASCII, integers in plain decimal digits, JSON without blanks and
 * beginning with the code. Whatever else a frame holds, be it right or wrong, `read` returns undefined and leaves it to the
 * general decoders, so that what is refused, and with which words, is decided in one place.
 *
 * One for each connection: group, topic and broker name are the same from message to message, and are kept as texts.
 */
export class SendReader {
  readonly #producerGroup = new RepeatedText();
  readonly #topic = new RepeatedText();
  readonly #defaultTopic = new RepeatedText();
  readonly #brokerName = new RepeatedText();
  readonly #language = new RepeatedText();
  /** What is being read. */
  #fixed: FixedFields = noFields();
  #header: MutableHeader = noHeader();
  #present = 0;

  /** Reads the frame in `[at, end)`, whose prefix has been checked and which `isSendFrame`. */
  read(source: Buffer, at: number, end: number): ReceivedSend | undefined {
    const headerAt = at + FRAME_PREFIX_BYTES;
    const bodyAt = headerAt + (readInt32(source, at + 4) & 0xffffff);
    this.#fixed = noFields();
    this.#header = noHeader();
    this.#present = 0;
    const isRead =
      source[at + 4] === 0
        ? this.#readJson(source, headerAt, bodyAt)
        : this.#readBinary(source, headerAt, bodyAt);
    const { code, flag } = this.#fixed;
    const isWhole = isRead && this.#present === REQUIRED_FIELDS;
    if (!isWhole || !isSendCode(code) || (flag & RESPONSE_FLAG) !== 0) return undefined;
    const body = bodyAt < end ? source.subarray(bodyAt, end) : undefined;
    return new ReceivedSend(source.subarray(at, end), this.#fixed, this.#header, body);
  }

  #readBinary(source: Buffer, start: number, end: number): boolean {
    if (end - start < 21 || readInt32(source, start + 13) !== 0) return false;
    if (readInt32(source, start + 17) !== end - start - 21) return false;
    const fixed = this.#fixed;
    fixed.code = (source[start]! << 8) | source[start + 1]!;
    fixed.language = languageFrom(source[start + 2]);
    fixed.version = (source[start + 3]! << 8) | source[start + 4]!;
    fixed.opaque = readInt32(source, start + 5);
    this.#present |= OPAQUE_FIELD;
    fixed.flag = readInt32(source, start + 9);
    for (let at = start + 21; at < end;) {
      if (end - at < 7) return false;
      const nameBytes = (source[at]! << 8) | source[at + 1]!;
      const valueAt = at + 2 + nameBytes + 4;
      if (valueAt > end) return false;
      const valueEnd = valueAt + readInt32(source, valueAt - 4);
      if (valueEnd < valueAt || valueEnd > end) return false;
      if (nameBytes === 1 && !this.#readField(source[at + 2]!, source, valueAt, valueEnd)) {
        return false;
      }
      at = valueEnd;
    }
    return true;
  }

  #readJson(source: Buffer, start: number, end: number): boolean {
    let hasFields = false;
    for (let at = start + 1; at < end;) {
      const nameEnd = plainTextEnd(source, at, end);
      if (nameEnd < 0 || source[nameEnd] !== COLON) return false;
      const valueAt = nameEnd + 1;
      let valueEnd: number;
      if (isName(source, at, nameEnd, '"extFields"') && !hasFields) {
        hasFields = true;
        valueEnd = this.#readJsonFields(source, valueAt, end);
      } else {
        valueEnd = this.#readJsonMember(source, at, nameEnd, valueAt, end);
      }
      if (valueEnd < 0) return false;
      if (source[valueEnd] === CLOSE) return valueEnd + 1 === end;
      if (source[valueEnd] !== COMMA) return false;
      at = valueEnd + 1;
    }
    return false;
  }

  /** Where the value ends; -1 for a member that is not known, or not of its usual form. */
  #readJsonMember(
    source: Buffer,
    nameAt: number,
    nameEnd: number,
    valueAt: number,
    end: number,
  ): number {
    const fixed = this.#fixed;
    if (isName(source, nameAt, nameEnd, '"serializeTypeCurrentRPC"')) {
      return plainTextEnd(source, valueAt, end);
    }
    if (isName(source, nameAt, nameEnd, '"language"')) {
      const valueEnd = plainTextEnd(source, valueAt, end);
      if (valueEnd < 0) return -1;
      fixed.language = languageFrom(this.#language.read(source, valueAt + 1, valueEnd - 1));
      return valueEnd;
    }
    const valueEnd = numberEnd(source, valueAt, end);
    const value = int32Of(source, valueAt, valueEnd);
    // JSON has no number that begins with a zero, but the zero itself.
    const digitsAt = source[valueAt] === MINUS ? valueAt + 1 : valueAt;
    if (Number.isNaN(value) || (source[digitsAt] === 0x30 && valueEnd > valueAt + 1)) return -1;
    if (isName(source, nameAt, nameEnd, '"code"')) fixed.code = value;
    else if (isName(source, nameAt, nameEnd, '"flag"')) fixed.flag = value;
    else if (isName(source, nameAt, nameEnd, '"version"')) fixed.version = value;
    else if (isName(source, nameAt, nameEnd, '"opaque"')) {
      fixed.opaque = value;
      this.#present |= OPAQUE_FIELD;
    } else {
      return -1;
    }
    return valueEnd;
  }

  /** Where the object ends; -1 when it is not one of plain texts. */
  #readJsonFields(source: Buffer, start: number, end: number): number {
    if (source[start] !== OPEN) return -1;
    for (let at = start + 1; at < end;) {
      const nameEnd = plainTextEnd(source, at, end);
      if (nameEnd < 0 || source[nameEnd] !== COLON) return -1;
      const valueAt = nameEnd + 1;
      const letter = nameEnd - at === 3 ? source[at + 1]! : 0;
      let valueEnd: number;
      if (letter === 0x69) {
        valueEnd = this.#readJsonProperties(source, valueAt, end);
      } else {
        valueEnd = plainTextEnd(source, valueAt, end);
        if (valueEnd < 0 || !this.#readField(letter, source, valueAt + 1, valueEnd - 1)) return -1;
      }
      if (valueEnd < 0) return -1;
      if (source[valueEnd] === CLOSE) return valueEnd + 1;
      if (source[valueEnd] !== COMMA) return -1;
      at = valueEnd + 1;
    }
    return -1;
  }

  /** The only text with escapes in it: those of the bytes 1 and 2, which separate properties. */
  #readJsonProperties(source: Buffer, start: number, end: number): number {
    if (source[start] !== QUOTE) return -1;
    let length = 0;
    for (let at = start + 1; at < end; at++) {
      let byte = source[at]!;
      if (byte === QUOTE) {
        this.#header.properties = unescaped.toString('latin1', 0, length);
        return at + 1;
      }
      if (byte === BACKSLASH) {
        if (end - at < 6 || readInt32(source, at + 1) !== ESCAPED_UNIT) return -1;
        byte = source[at + 5]! - 0x30;
        if (byte !== 1 && byte !== 2) return -1;
        at += 5;
      } else if (byte < 0x20 || byte > 0x7e) {
        return -1;
      }
      if (length === unescaped.length) return -1;
      unescaped[length++] = byte;
    }
    return -1;
  }

  /** The letters of SEND_MESSAGE_V2, see there; any other is no field of it. False for an unusual value. */
  #readField(letter: number, source: Buffer, at: number, end: number): boolean {
    const header = this.#header;
    switch (letter) {
      case 0x61: {
        const text = this.#producerGroup.read(source, at, end);
        if (text === undefined) return false;
        header.producerGroup = text;
        break;
      }
      case 0x62: {
        const text = this.#topic.read(source, at, end);
        if (text === undefined) return false;
        header.topic = text;
        break;
      }
      case 0x63: {
        const text = this.#defaultTopic.read(source, at, end);
        if (text === undefined) return false;
        header.defaultTopic = text;
        break;
      }
      case 0x64: {
        header.defaultTopicQueueNums = int32Of(source, at, end);
        if (Number.isNaN(header.defaultTopicQueueNums)) return false;
        break;
      }
      case 0x65: {
        header.queueId = int32Of(source, at, end);
        if (Number.isNaN(header.queueId)) return false;
        break;
      }
      case 0x66: {
        header.sysFlag = int32Of(source, at, end);
        if (Number.isNaN(header.sysFlag)) return false;
        break;
      }
      case 0x67: {
        header.bornTimestamp = integerOf(source, at, end);
        if (Number.isNaN(header.bornTimestamp)) return false;
        break;
      }
      case 0x68: {
        header.flag = int32Of(source, at, end);
        if (Number.isNaN(header.flag)) return false;
        break;
      }
      case 0x69: {
        if (!isAscii(source, at, end)) return false;
        header.properties = source.toString('latin1', at, end);
        return true;
      }
      case 0x6a: {
        header.reconsumeTimes = int32Of(source, at, end);
        return !Number.isNaN(header.reconsumeTimes);
      }
      case 0x6b: {
        header.unitMode = booleanOf(source, at, end);
        return header.unitMode !== undefined;
      }
      case 0x6c: {
        header.maxReconsumeTimes = int32Of(source, at, end);
        return !Number.isNaN(header.maxReconsumeTimes);
      }
      case 0x6d: {
        header.batch = booleanOf(source, at, end);
        return header.batch !== undefined;
      }
      case 0x6e: {
        header.brokerName = this.#brokerName.read(source, at, end);
        return header.brokerName !== undefined;
      }
      default:
        return true;
    }
    this.#present |= 1 << (letter - 0x61);
    return true;
  }
}

/** `u000`, of `\u0001`. */
const ESCAPED_UNIT = 0x75303030;
/** Where escaped properties become bytes; longer ones than a record can hold are left to the general decoder. */
const unescaped = Buffer.allocUnsafeSlow(0x7fff);

function noFields(): FixedFields {
  return { code: 0, language: 'OTHER', version: 0, opaque: 0, flag: 0 };
}

function noHeader(): MutableHeader {
  return {
    producerGroup: '',
    topic: '',
    defaultTopic: '',
    defaultTopicQueueNums: 0,
    queueId: 0,
    sysFlag: 0,
    bornTimestamp: 0,
    flag: 0,
    properties: undefined,
    reconsumeTimes: undefined,
    unitMode: undefined,
    maxReconsumeTimes: undefined,
    batch: undefined,
    brokerName: undefined,
  };
}

function isSendCode(code: number): boolean {
  return code === RequestCode.SEND_MESSAGE_V2 || code === RequestCode.SEND_BATCH_MESSAGE;
}

/** Whether a frame is one that SendReader may be able to read. */
export function isSendFrame(source: Buffer, at: number, end: number): boolean {
  const headerAt = at + FRAME_PREFIX_BYTES;
  if (end - headerAt < 21) return false;
  if (source[at + 4] !== 0) return isSendCode((source[headerAt]! << 8) | source[headerAt + 1]!);
  // {"code":310,
  return (
    source[headerAt] === OPEN &&
    isName(source, headerAt + 1, headerAt + 7, '"code"') &&
    source[headerAt + 7] === COLON &&
    source[headerAt + 11] === COMMA &&
    isSendCode(int32Of(source, headerAt + 8, headerAt + 11))
  );
}

function isName(source: Buffer, at: number, end: number, name: string): boolean {
  if (end - at !== name.length) return false;
  for (let index = 0; index < name.length; index++) {
    if (source[at + index] !== name.charCodeAt(index)) return false;
  }
  return true;
}

/** Behind the closing quote of the JSON text that begins at `at`; -1 unless it is printable ASCII without escapes. */
function plainTextEnd(source: Buffer, at: number, end: number): number {
  if (source[at] !== QUOTE) return -1;
  for (let next = at + 1; next < end; next++) {
    const byte = source[next]!;
    if (byte === QUOTE) return next + 1;
    if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return -1;
  }
  return -1;
}

function numberEnd(source: Buffer, at: number, end: number): number {
  let next = source[at] === MINUS ? at + 1 : at;
  while (next < end && source[next]! >= 0x30 && source[next]! <= 0x39) next++;
  return next;
}

function isAscii(source: Buffer, at: number, end: number): boolean {
  for (let next = at; next < end; next++) if (source[next]! > 0x7f) return false;
  return true;
}

/** NaN for anything but 1 to 15 decimal digits, perhaps behind a minus. */
function integerOf(source: Buffer, at: number, end: number): number {
  const isNegative = source[at] === MINUS;
  const digitsAt = isNegative ? at + 1 : at;
  if (end <= digitsAt || end - digitsAt > 15) return NaN;
  let value = 0;
  for (let next = digitsAt; next < end; next++) {
    const digit = source[next]! - 0x30;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  return isNegative ? -value : value;
}

/** As integerOf; NaN also for what is no int32. */
function int32Of(source: Buffer, at: number, end: number): number {
  const value = integerOf(source, at, end);
  return value >= -0x80000000 && value <= 0x7fffffff ? value : NaN;
}

/** Undefined for anything but the two words. */
function booleanOf(source: Buffer, at: number, end: number): boolean | undefined {
  if (end - at === 4 && readInt32(source, at) === TRUE) return true;
  if (end - at === 5 && readInt32(source, at) === FALS && source[at + 4] === 0x65) return false;
  return undefined;
}

const TRUE = 0x74727565;
const FALS = 0x66616c73;

/** A connection keeps five texts; longer ones than any group or topic are a peer's mistake, and are not kept. */
const MAX_KEPT_BYTES = 256;

/** A text that is usually the one before: then no text is made, and whoever looks it up finds the very same one. */
class RepeatedText {
  #bytes: Buffer = Buffer.alloc(0);
  #text = '';

  /** Undefined when it is not ASCII. */
  read(source: Buffer, at: number, end: number): string | undefined {
    if (this.#isSame(source, at, end)) return this.#text;
    if (!isAscii(source, at, end)) return undefined;
    const text = source.toString('latin1', at, end);
    if (end - at > MAX_KEPT_BYTES) return text;
    this.#bytes = Buffer.from(source.subarray(at, end));
    this.#text = text;
    return text;
  }

  #isSame(source: Buffer, at: number, end: number): boolean {
    const bytes = this.#bytes;
    if (bytes.length !== end - at) return false;
    for (let index = 0; index < bytes.length; index++) {
      if (bytes[index] !== source[at + index]) return false;
    }
    return true;
  }
}
