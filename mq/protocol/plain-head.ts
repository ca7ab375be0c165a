import { writeInt32 } from './bytes.ts';
import type { RemotingCommand } from './frame.ts';
import { languageIndex } from './language-code.ts';

const FRAME_PREFIX_BYTES = 8;
/** Code, flag, opaque, version and what is between them, in either encoding, at their longest. */
const FIXED_BYTES = 192;
/** Lengths or quotes, colon and comma around a name and its value. */
const PER_FIELD_BYTES = 6;

/**
 * Writes a frame up to its body straight to where it is to be sent from, and returns the offset behind it. It is what
 * `encodeFrameHead` makes, byte for byte; that is an object, a text and two buffers a frame, which for a small reply is
 * more work than all the rest.
 *
 * It knows only what needs no care: texts of printable ASCII that JSON does not escape. For any other it returns
 * NOT_PLAIN, as it does when there may not be room; bytes behind `at` may have been written then.
 */
export function writePlainHead(command: RemotingCommand, target: Buffer, at: number): number {
  if (roomFor(command) > target.length - at) return NOT_PLAIN;
  const headerAt = at + FRAME_PREFIX_BYTES;
  const end =
    command.serializeType === 0
      ? writeJsonHeader(command, target, headerAt)
      : writeBinaryHeader(command, target, headerAt);
  if (end === NOT_PLAIN) return NOT_PLAIN;
  const headerBytes = end - headerAt;
  writeInt32(target, 4 + headerBytes + (command.body?.length ?? 0), at);
  writeInt32(target, (command.serializeType << 24) | headerBytes, at + 4);
  return end;
}

export const NOT_PLAIN = -1;

function roomFor({ extFields, remark }: RemotingCommand): number {
  let byteCount = FIXED_BYTES + (remark?.length ?? 0);
  for (const name in extFields) {
    byteCount += PER_FIELD_BYTES + name.length + (extFields[name]?.length ?? 0);
  }
  return byteCount;
}

/** Keys in alphabetical order, absent members left out, as encodeFrameHead has them. */
function writeJsonHeader(command: RemotingCommand, target: Buffer, start: number): number {
  const { code, extFields, flag, language, opaque, remark, version } = command;
  let at = writeText(`{"code":${code}`, target, start);
  if (extFields !== undefined) {
    at = writeText(',"extFields":', target, at);
    let separator = 0x7b;
    for (const name in extFields) {
      target[at++] = separator;
      separator = 0x2c;
      at = writeQuoted(name, target, at);
      if (at === NOT_PLAIN) return NOT_PLAIN;
      target[at++] = 0x3a;
      at = writeQuoted(extFields[name], target, at);
      if (at === NOT_PLAIN) return NOT_PLAIN;
    }
    if (separator === 0x7b) target[at++] = 0x7b;
    target[at++] = 0x7d;
  }
  at = writeText(`,"flag":${flag},"language":"${language}","opaque":${opaque}`, target, at);
  if (remark !== undefined) {
    at = writeQuoted(remark, target, writeText(',"remark":', target, at));
    if (at === NOT_PLAIN) return NOT_PLAIN;
  }
  return writeText(`,"serializeTypeCurrentRPC":"JSON","version":${version}}`, target, at);
}

function writeBinaryHeader(command: RemotingCommand, target: Buffer, start: number): number {
  const { code, extFields, flag, language, opaque, remark = '', version } = command;
  target[start] = code >> 8;
  target[start + 1] = code;
  target[start + 2] = languageIndex(language);
  target[start + 3] = version >> 8;
  target[start + 4] = version;
  writeInt32(target, opaque, start + 5);
  writeInt32(target, flag, start + 9);
  writeInt32(target, remark.length, start + 13);
  const extAt = writePlain(remark, target, start + 17);
  if (extAt === NOT_PLAIN) return NOT_PLAIN;
  let at = extAt + 4;
  for (const name in extFields) {
    const value = extFields[name];
    if (value === undefined || name.length > 0x7fff) return NOT_PLAIN;
    target[at] = name.length >> 8;
    target[at + 1] = name.length;
    at = writePlain(name, target, at + 2);
    if (at === NOT_PLAIN) return NOT_PLAIN;
    writeInt32(target, value.length, at);
    at = writePlain(value, target, at + 4);
    if (at === NOT_PLAIN) return NOT_PLAIN;
  }
  writeInt32(target, at - extAt - 4, extAt);
  return at;
}

function writeQuoted(text: string | undefined, target: Buffer, at: number): number {
  if (text === undefined) return NOT_PLAIN;
  target[at] = 0x22;
  const end = writePlain(text, target, at + 1);
  if (end === NOT_PLAIN) return NOT_PLAIN;
  target[end] = 0x22;
  return end + 1;
}

/** NOT_PLAIN for a text with anything but printable ASCII, or with what JSON escapes. */
function writePlain(text: string, target: Buffer, at: number): number {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x20 || unit > 0x7e || unit === 0x22 || unit === 0x5c) return NOT_PLAIN;
    target[at + index] = unit;
  }
  return at + text.length;
}

/** Of ASCII. */
function writeText(text: string, target: Buffer, at: number): number {
  for (let index = 0; index < text.length; index++) target[at + index] = text.charCodeAt(index);
  return at + text.length;
}
