import { crc32 } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { checkChecksum, eventHeader } from '../../../../services/sync/follower/event-packet.ts';

/** The first event of a transaction as MariaDB 10.11 sent it: 42 bytes, ending at 2093. */
function gtidEvent(): Buffer {
  const event = Buffer.alloc(42);
  event.writeUInt32LE(1_796_000_000, 0);
  event.writeUInt8(162, 4);
  event.writeUInt32LE(1, 5);
  event.writeUInt32LE(42, 9);
  event.writeUInt32LE(2_093, 13);
  event.writeUInt16LE(0x08, 17);
  event.writeUInt32LE(crc32(event.subarray(0, 38)), 38);
  return event;
}

describe('the header of an event', () => {
  it('says what it is, when it was, and where it is in its file', () => {
    expect(eventHeader(gtidEvent())).toEqual({
      typeCode: 162,
      timestampMs: 1_796_000_000_000,
      offset: 2_051,
      endOffset: 2_093,
      isArtificial: false,
    });
  });

  it('is of an event in no file when it says no end', () => {
    const event = gtidEvent();
    event.writeUInt32LE(0, 13);
    event.writeUInt16LE(0x20, 17);
    expect(eventHeader(event)).toMatchObject({ offset: 0, endOffset: 0, isArtificial: true });
  });

  it('is refused with both numbers when the event is cut', () => {
    expect(() => eventHeader(gtidEvent().subarray(0, 41))).toThrow(
      'an event of 41 bytes says that it has 42',
    );
    expect(() => eventHeader(gtidEvent().subarray(0, 18))).toThrow(
      'an event of 18 bytes, its header alone has 19',
    );
  });
});

it('finds every single bit that was turned over on the way', () => {
  expect(() => checkChecksum(gtidEvent())).not.toThrow();
  for (let bit = 0; bit < 42 * 8; bit++) {
    const event = gtidEvent();
    event[bit >> 3]! ^= 1 << (bit & 7);
    expect(() => checkChecksum(event)).toThrow(
      /^the checksum of the event is 0x[0-9a-f]{8}, it says 0x[0-9a-f]{8}$/,
    );
  }
});
