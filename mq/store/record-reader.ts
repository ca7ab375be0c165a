import { defaultFrameLimits } from '../protocol/frame.ts';
import { MESSAGE_MAGIC_V1, MESSAGE_MAGIC_V2 } from '../protocol/message.ts';
import { MessageSysFlag } from '../protocol/sys-flag.ts';
import type { CommitLog } from './commit-log.ts';

/** Of a record: up to and including its own commitLogOffset. */
const PREFIX_BYTES = 36;
const SYS_FLAG_AT = 36;

/**
 * One stored record, or undefined when none begins at that offset, or it does not end at or before `endOffset`.
 * Whoever knows its size saves a read.
 */
export async function readRecordAt(
  log: CommitLog,
  endOffset: number,
  commitLogOffset: number,
  sizeBytes?: number,
): Promise<Buffer | undefined> {
  if (commitLogOffset < log.minOffset || commitLogOffset + PREFIX_BYTES > endOffset) {
    return undefined;
  }
  if (sizeBytes !== undefined) {
    if (sizeBytes < PREFIX_BYTES || commitLogOffset + sizeBytes > endOffset) return undefined;
    const record = await log.read(commitLogOffset, sizeBytes);
    const isWhole = record !== undefined && isRecordPrefix(record, commitLogOffset);
    return isWhole && record.readInt32BE(0) === sizeBytes ? record : undefined;
  }
  // Anybody may ask for any offset: look before trusting a size that may be part of a message's body.
  const prefix = await log.read(commitLogOffset, PREFIX_BYTES);
  if (prefix === undefined || !isRecordPrefix(prefix, commitLogOffset)) return undefined;
  const totalSize = prefix.readInt32BE(0);
  if (totalSize > defaultFrameLimits.maxFrameBytes || commitLogOffset + totalSize > endOffset) {
    return undefined;
  }
  return log.read(commitLogOffset, totalSize);
}

/** When the record at that offset was stored, in ms since epoch; −1 when it is not there any more. */
export function storeTimeAt(log: CommitLog, commitLogOffset: number): number {
  // From sysFlag up to where the time ends behind an IPv6 address.
  const bytes = log.readSync(commitLogOffset + SYS_FLAG_AT, 40);
  if (bytes === undefined) return -1;
  const isBornV6 = (bytes.readInt32BE(0) & MessageSysFlag.BORN_HOST_V6) !== 0;
  const at = (isBornV6 ? 68 : 56) - SYS_FLAG_AT;
  // Not protocol's readInt64, which throws beyond 2^53: one damaged time is to stop neither a search nor a clean-up.
  return bytes.readInt32BE(at) * 0x100000000 + bytes.readUInt32BE(at + 4);
}

/** When the first record of a segment was stored; undefined while there is none, or it is damaged. */
export function firstStoreTimeIn(
  log: CommitLog,
  { baseOffset }: { baseOffset: number },
): number | undefined {
  if (baseOffset + PREFIX_BYTES > log.writtenOffset) return undefined;
  const prefix = log.readSync(baseOffset, PREFIX_BYTES);
  if (prefix === undefined || !isRecordPrefix(prefix, baseOffset)) return undefined;
  return storeTimeAt(log, baseOffset);
}

function isRecordPrefix(prefix: Buffer, commitLogOffset: number): boolean {
  const magic = prefix.readUInt32BE(4);
  const isMessage = magic === MESSAGE_MAGIC_V1 || magic === MESSAGE_MAGIC_V2;
  return (
    isMessage && prefix.readInt32BE(0) > 0 && prefix.readBigInt64BE(28) === BigInt(commitLogOffset)
  );
}
