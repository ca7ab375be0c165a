import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { decompressBody } from '../../../mq/client/compression.ts';
import { decodeLz4Frames } from '../../../mq/client/lz4-frame.ts';
import { readGoldens } from '../../support/goldens.ts';
import { plays } from '../../support/plays.ts';

/** As Goldens.java makes it. */
const javaBody = Buffer.from(
  Array.from({ length: 5_000 }, (_, i) =>
    i % 1_000 < 100 ? (Math.imul(i * i, 31) + i) >> 3 : 97 + (i % (3 + Math.floor(i / 500))),
  ),
);

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
};

interface Sequence {
  literals: Buffer;
  distance?: number;
  matchLength?: number;
}

function nibbleAndRest(length: number): [number, number[]] {
  if (length < 15) return [length, []];
  const rest: number[] = [];
  for (let left = length - 15; ; left -= 255) {
    rest.push(Math.min(left, 255));
    if (left < 255) return [15, rest];
  }
}

function block(sequences: readonly Sequence[]): Buffer {
  const bytes: number[] = [];
  for (const { literals, distance, matchLength = 4 } of sequences) {
    const [literalNibble, literalRest] = nibbleAndRest(literals.length);
    const [matchNibble, matchRest] =
      distance === undefined ? [0, []] : nibbleAndRest(matchLength - 4);
    bytes.push((literalNibble << 4) | matchNibble, ...literalRest, ...literals);
    if (distance !== undefined) bytes.push(distance & 0xff, distance >> 8, ...matchRest);
  }
  return Buffer.from(bytes);
}

/** `flags` are those besides the version; what they announce is written, and means nothing. */
function frame(blocks: readonly (Buffer | { plain: Buffer })[], flags = 0): Buffer {
  const checksum = (flags & 0x10) === 0 ? Buffer.alloc(0) : Buffer.alloc(4);
  return Buffer.concat([
    uint32(0x184d2204),
    Buffer.from([0x40 | flags, 0x70]),
    Buffer.alloc((flags & 0x08) === 0 ? 0 : 8),
    Buffer.from([0]),
    ...blocks.flatMap((one) =>
      'plain' in one
        ? [uint32(0x8000_0000 | one.plain.length), one.plain, checksum]
        : [uint32(one.length), one, checksum],
    ),
    uint32(0),
    Buffer.alloc((flags & 0x04) === 0 ? 0 : 4),
  ]);
}

const text = (value: string): Buffer => Buffer.from(value);

describe('an LZ4 frame', () => {
  it.each(['java-4.9.8', 'java-5.5.0'] as const)('of %s is read', async (maker) => {
    const packed = readGoldens(maker)('body of 5000 bytes packed with LZ4');
    expect(packed.length).toBeLessThan(1_500);
    expect(decodeLz4Frames(packed, 5_000).equals(javaBody)).toBe(true);
    await expect(decompressBody(packed, 0x101, 5_000)).resolves.toEqual(javaBody);
    await expect(decompressBody(packed, 0x101, 4_999)).rejects.toThrow(
      `body of ${packed.length} bytes inflates to more than 4999`,
    );
  });

  it('may have blocks that are not packed, blocks that reach back over others, and several frames', () => {
    const first = frame([{ plain: text('abc') }, block([{ literals: text('d'), distance: 4 }])]);
    const skipped = Buffer.concat([uint32(0x184d2a53), uint32(3), text('xyz')]);
    const second = frame([block([{ literals: text('end') }])], 0x10 | 0x08 | 0x04);
    expect(decodeLz4Frames(Buffer.concat([first, skipped, second]), 100).toString()).toBe(
      'abcdabcdend',
    );
  });

  it('repeats a match that is longer than its distance', () => {
    const packed = frame([block([{ literals: text('ab'), distance: 2, matchLength: 1_000 }])]);
    expect(decodeLz4Frames(packed, 2_000).toString()).toBe('ab'.repeat(501));
  });

  it.each([
    ['nothing', Buffer.alloc(0), /no LZ4 frame/],
    ['no frame', text('nonsense'), /magic 0x736e6f6e is no LZ4 frame's/],
    ['an unknown version', Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x80, 0x70, 0]), /version/],
    ['a dictionary', frame([], 0x01), /dictionary/],
    ['a frame without its end', frame([]).subarray(0, -1), /ends 1 bytes early/],
    [
      'a match before the beginning',
      frame([block([{ literals: text('a'), distance: 2 }])]),
      /reaches 2 bytes back of 1/,
    ],
    [
      'a match at no distance',
      frame([block([{ literals: text('a'), distance: 0 }])]),
      /reaches 0 bytes back/,
    ],
    [
      'a match into another frame',
      Buffer.concat([
        frame([{ plain: text('abc') }]),
        frame([block([{ literals: text('d'), distance: 2 }])]),
      ]),
      /reaches 2 bytes back/,
    ],
    [
      'literals beyond the end of their block',
      frame([Buffer.from([0x40, 1]), { plain: text('abcdefghij') }]),
      /block ends 3 bytes early/,
    ],
  ])('is refused: %s', (_what, packed, message) => {
    expect(() => decodeLz4Frames(packed, 1_000)).toThrow(message);
  });

  it('unpacks to no more than it may, and allocates no more', () => {
    const bomb = frame([block([{ literals: text('a'), distance: 1, matchLength: 5_000_000 }])]);
    expect(() => decodeLz4Frames(bomb, 1_000_000)).toThrow(/more than 1000000 bytes/);
  });

  it('gives back what any sequence of literals and matches stands for', () => {
    const sequence = fc.record({
      literals: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      distance: fc.nat(400),
      matchLength: fc.integer({ min: 4, max: 600 }),
    });
    const list = fc.array(fc.array(sequence, { minLength: 1, maxLength: 8 }), { maxLength: 4 });
    fc.assert(
      fc.property(list, (blocks) => {
        const expected: number[] = [];
        const packed = blocks.map((sequences) =>
          block(
            sequences.map(({ literals, distance, matchLength }, index) => {
              expected.push(...literals);
              if (index === sequences.length - 1) return { literals };
              const back = 1 + (distance % expected.length);
              for (let count = 0; count < matchLength; count++) expected.push(expected.at(-back)!);
              return { literals, distance: back, matchLength };
            }),
          ),
        );
        expect(decodeLz4Frames(frame(packed), 100_000)).toEqual(Buffer.from(expected));
      }),
      plays(),
    );
  });

  it('never gives more than it may, whatever the bytes', () => {
    const base = readGoldens('java-5.5.0')('body of 5000 bytes packed with LZ4');
    const damage = fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(damage, fc.nat(base.length), (changes, cut) => {
        const bytes = Buffer.from(base);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          const output = decodeLz4Frames(bytes.subarray(0, base.length - (cut % 50)), 6_000);
          expect(output.length).toBeLessThanOrEqual(6_000);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      plays(1_000),
    );
  });
});
