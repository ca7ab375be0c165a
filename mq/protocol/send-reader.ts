import { readInt32 } from './bytes.ts';
import {
  BACKSLASH,
  booleanOf,
  CLOSE,
  COLON,
  COMMA,
  int32Of,
  integerOf,
  isAscii,
  isName,
  MINUS,
  numberEnd,
  OPEN,
  plainTextEnd,
  QUOTE,
} from './header-text.ts';
import { languageFrom } from './language-code.ts';
import { type FixedFields, ReceivedSend, type SendHeader } from './received-send.ts';
import { RepeatedText } from './repeated-text.ts';
import { RequestCode } from './request-code.ts';

const FRAME_PREFIX_BYTES = 8;
const RESPONSE_FLAG = 1;
/** What a send must have, one bit each: the header fields `a` to `h`, and the opaque. */
const REQUIRED_FIELDS = 0x1ff;
const OPAQUE_FIELD = 0x100;
/** `u000`, of `\u0001`. */
const ESCAPED_UNIT = 0x75303030;
/** Where escaped properties become bytes; longer ones than a record can hold are left to the general decoder. */
const unescaped = Buffer.allocUnsafeSlow(0x7fff);

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
