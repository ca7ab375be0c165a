import { crc32 } from 'node:zlib';
import type { EventHeader } from './binlog-client.ts';

const HEADER_BYTES = 19;
const CHECKSUM_BYTES = 4;
const LOG_EVENT_ARTIFICIAL_F = 0x20;

/**
 * Reads the header of an event: 4 bytes of time in seconds, type, 4 of the server's id, 4 of length, 4 of where it ends in
 * its file, 2 of flags. All little-endian.
 *
 * Errors: RangeError when the bytes are fewer or more than the header says.
 */
export function eventHeader(event: Buffer): EventHeader {
  if (event.length < HEADER_BYTES) {
    throw new RangeError(`an event of ${event.length} bytes, its header alone has ${HEADER_BYTES}`);
  }
  const length = event.readUInt32LE(9);
  if (length !== event.length) {
    throw new RangeError(`an event of ${event.length} bytes says that it has ${length}`);
  }
  const endOffset = event.readUInt32LE(13);
  return {
    timestampMs: event.readUInt32LE(0) * 1_000,
    typeCode: event.readUInt8(4),
    offset: Math.max(0, endOffset - length),
    endOffset,
    isArtificial: (event.readUInt16LE(17) & LOG_EVENT_ARTIFICIAL_F) !== 0,
  };
}

/** The last 4 bytes are the CRC32 of those before. Errors: RangeError with both numbers. */
export function checkChecksum(event: Buffer): void {
  const end = event.length - CHECKSUM_BYTES;
  const said = event.readUInt32LE(end);
  const found = crc32(event.subarray(0, end));
  if (said !== found) {
    throw new RangeError(`the checksum of the event is ${hex(found)}, it says ${hex(said)}`);
  }
}

function hex(checksum: number): string {
  return `0x${checksum.toString(16).padStart(8, '0')}`;
}
