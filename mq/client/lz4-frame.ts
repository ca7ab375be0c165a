/**
 * Reads the LZ4 frame format: what Java producers make of bodies with compressType LZ4.
 *
 * Its checksums are not looked at: the CRC of the record a body came in covers every byte of it.
 *
 * Source: lz4 frame format 1.6.1, lz4 block format.
 */
const MAGIC = 0x184d2204;
/** Frames of these sixteen magic numbers are to be skipped by whoever does not know them. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const VERSION_1 = 0x40;
const FLAG = {
  VERSION: 0xc0,
  BLOCK_CHECKSUM: 0x10,
  CONTENT_SIZE: 0x08,
  CONTENT_CHECKSUM: 0x04,
  DICTIONARY: 0x01,
} as const;
const UNCOMPRESSED = 0x8000_0000;
const MIN_MATCH = 4;
/** Fewer bytes are copied faster one by one: most literals and matches are that short, and a body has hundreds of thousands. */
const WORTH_A_CALL = 48;

/**
 * Unpacks all frames of `packed`, laid end to end.
 *
 * Units:  takes time and memory in proportion to what is in `packed` and `maxBytes`, whatever the bytes say.
 * Errors: RangeError for bytes that are no such frames; one whose code is ERR_BUFFER_TOO_LARGE, as zlib's, for an output
 *         above `maxBytes`.
 */
export function decodeLz4Frames(packed: Buffer, maxBytes: number): Buffer {
  const output = new GrowingOutput(Math.min(packed.length * 4, maxBytes), maxBytes);
  const input = new Input(packed);
  if (input.isAtEnd) throw new RangeError('no LZ4 frame');
  while (!input.isAtEnd) {
    const magic = input.uint32();
    if (magic >>> 4 === SKIPPABLE_MAGIC >>> 4) input.skip(input.uint32());
    else if (magic === MAGIC) readFrame(input, output);
    else throw new RangeError(`magic 0x${magic.toString(16)} is no LZ4 frame's`);
  }
  return output.bytes();
}

function readFrame(input: Input, output: GrowingOutput): void {
  const flags = input.uint8();
  if ((flags & FLAG.VERSION) !== VERSION_1) throw new RangeError('an unknown LZ4 frame version');
  if ((flags & FLAG.DICTIONARY) !== 0) throw new RangeError('an LZ4 frame with a dictionary');
  // The largest block, which is bounded by maxBytes here; the size of the content, which shows; the header's checksum.
  input.skip(1 + ((flags & FLAG.CONTENT_SIZE) === 0 ? 0 : 8) + 1);
  const checksumBytes = (flags & FLAG.BLOCK_CHECKSUM) === 0 ? 0 : 4;
  const frameAt = output.length;
  for (let size = input.uint32(); size !== 0; size = input.uint32()) {
    if (size >= UNCOMPRESSED) output.append(input, size & ~UNCOMPRESSED);
    else readBlock(input, input.at + size, output, frameAt);
    input.skip(checksumBytes);
  }
  input.skip((flags & FLAG.CONTENT_CHECKSUM) === 0 ? 0 : 4);
}

/** The block that ends at `endsAt`. Matches may reach back over earlier blocks, up to the frame's beginning at `frameAt`. */
function readBlock(input: Input, endsAt: number, output: GrowingOutput, frameAt: number): void {
  while (input.at < endsAt) {
    const token = input.uint8();
    output.append(input, lengthOf(token >>> 4, input));
    // The last sequence of a block ends with its literals.
    if (input.at >= endsAt) break;
    const distance = input.uint16();
    const matchLength = lengthOf(token & 0xf, input) + MIN_MATCH;
    if (distance === 0 || distance > output.length - frameAt) {
      throw new RangeError(`an LZ4 match reaches ${distance} bytes back of ${output.length}`);
    }
    output.repeat(distance, matchLength);
  }
  if (input.at > endsAt) throw new RangeError(`an LZ4 block ends ${input.at - endsAt} bytes early`);
}

/** Four bits of the token, and a byte more for as long as each is the highest. */
function lengthOf(nibble: number, input: Input): number {
  let length = nibble;
  if (nibble < 15) return length;
  for (let more = 255; more === 255; length += more) more = input.uint8();
  return length;
}

class Input {
  readonly bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get at(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at === this.bytes.length;
  }

  uint8(): number {
    return this.bytes[this.skip(1)]!;
  }

  uint16(): number {
    const at = this.skip(2);
    return this.bytes[at]! | (this.bytes[at + 1]! << 8);
  }

  uint32(): number {
    return this.bytes.readUInt32LE(this.skip(4));
  }

  /** Returns where the bytes begin that are passed over. */
  skip(count: number): number {
    const at = this.#at;
    const end = at + count;
    if (end > this.bytes.length) {
      throw new RangeError(`LZ4 data ends ${end - this.bytes.length} bytes early`);
    }
    this.#at = end;
    return at;
  }
}

class GrowingOutput {
  readonly #maxBytes: number;
  #buffer: Buffer;
  #length = 0;

  constructor(firstBytes: number, maxBytes: number) {
    this.#buffer = Buffer.allocUnsafe(firstBytes);
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.#length;
  }

  /** Takes the next `count` bytes from the input. */
  append(input: Input, count: number): void {
    const from = input.skip(count);
    this.#makeRoom(count);
    const { bytes } = input;
    if (count < WORTH_A_CALL) {
      for (let index = 0; index < count; index++) {
        this.#buffer[this.#length + index] = bytes[from + index]!;
      }
    } else bytes.copy(this.#buffer, this.#length, from, from + count);
    this.#length += count;
  }

  /** Appends what begins `distance` bytes before the end; a match longer than that repeats itself. */
  repeat(distance: number, count: number): void {
    this.#makeRoom(count);
    const from = this.#length - distance;
    const end = this.#length + count;
    if (count < WORTH_A_CALL) {
      const buffer = this.#buffer;
      for (let to = this.#length; to < end; to++) buffer[to] = buffer[to - distance]!;
      this.#length = end;
    }
    // Each copy doubles what can be copied next.
    while (this.#length < end) {
      const copied = Math.min(this.#length - from, end - this.#length);
      this.#buffer.copyWithin(this.#length, from, from + copied);
      this.#length += copied;
    }
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #makeRoom(count: number): void {
    const needed = this.#length + count;
    if (needed > this.#maxBytes) {
      const error = new RangeError(`LZ4 data unpacks to more than ${this.#maxBytes} bytes`);
      throw Object.assign(error, { code: 'ERR_BUFFER_TOO_LARGE' });
    }
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(
      Math.min(Math.max(needed, this.#buffer.length * 2), this.#maxBytes),
    );
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}
