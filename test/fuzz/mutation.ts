import type { SeededRandom } from '../../infra/seeded-random.ts';

const LONGEST_INPUT_BYTES = 64 * 1024;
const interestingBytes = [
  0, 1, 2, 0x1f, 0x20, 0x22, 0x27, 0x28, 0x2d, 0x30, 0x39, 0x5b, 0x5c, 0x7b, 0x7f, 0x80, 0xff,
];
const interestingIntegers = [
  0n,
  1n,
  -1n,
  7n,
  255n,
  256n,
  65535n,
  2n ** 24n,
  2n ** 31n - 1n,
  -(2n ** 31n),
  2n ** 53n,
  2n ** 53n - 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];

/** What mutation draws from: whole inputs, and words that matter in them. */
export interface Material {
  readonly inputs: readonly Buffer[];
  readonly words: readonly Buffer[];
}

type Mutator = (input: Buffer, random: SeededRandom, material: Material) => Buffer;

const mutators: readonly Mutator[] = [
  function flipBit(input, random) {
    return changed(input, random, (copy, at) => {
      copy[at] = copy[at]! ^ (1 << random.below(8));
    });
  },
  function setByte(input, random) {
    return changed(input, random, (copy, at) => {
      copy[at] = interestingBytes[random.below(interestingBytes.length)]!;
    });
  },
  function setInteger(input, random) {
    const byteCount = [2, 4, 8][random.below(3)]!;
    if (input.length < byteCount) return input;
    const copy = Buffer.from(input);
    const near = BigInt(input.length + random.below(9) - 4);
    const value = random.chance(0.3) ? near : pick(interestingIntegers, random);
    const at = random.below(input.length - byteCount + 1);
    for (let index = 0; index < byteCount; index++) {
      copy[at + index] = Number((value >> BigInt(8 * (byteCount - 1 - index))) & 0xffn);
    }
    return copy;
  },
  function removeRange(input, random) {
    const [from, to] = range(input, random);
    return Buffer.concat([input.subarray(0, from), input.subarray(to)]);
  },
  function repeatRange(input, random) {
    const [from, to] = range(input, random);
    const part = input.subarray(from, to);
    const times = 1 + random.below(random.chance(0.1) ? 2_000 : 4);
    return Buffer.concat([
      input.subarray(0, from),
      ...Array<Buffer>(times).fill(part),
      input.subarray(from),
    ]);
  },
  function insertWord(input, random, { words }) {
    if (words.length === 0) return input;
    const times = random.chance(0.05) ? 1 + random.below(5_000) : 1;
    return inserted(input, random, Buffer.concat(Array<Buffer>(times).fill(pick(words, random))));
  },
  function insertBytes(input, random) {
    return inserted(
      input,
      random,
      Buffer.from(Array.from({ length: 1 + random.below(16) }, () => random.below(256))),
    );
  },
  function splice(input, random, { inputs }) {
    const other = pick(inputs, random);
    return Buffer.concat([
      input.subarray(0, random.below(input.length + 1)),
      other.subarray(random.below(other.length + 1)),
    ]);
  },
  function truncate(input, random) {
    return input.subarray(0, random.below(input.length + 1));
  },
];

/** One of the inputs, changed in one to eight places. */
export function mutated(random: SeededRandom, material: Material): Buffer {
  let input = pick(material.inputs, random);
  for (let left = 1 + random.below(8); left > 0; left--) {
    input = pick(mutators, random)(input, random, material);
    if (input.length > LONGEST_INPUT_BYTES) input = input.subarray(0, LONGEST_INPUT_BYTES);
  }
  return input;
}

export function pick<T>(list: readonly T[], random: SeededRandom): T {
  return list[random.below(list.length)]!;
}

function changed(
  input: Buffer,
  random: SeededRandom,
  change: (copy: Buffer, at: number) => void,
): Buffer {
  if (input.length === 0) return input;
  const copy = Buffer.from(input);
  change(copy, random.below(copy.length));
  return copy;
}

function inserted(input: Buffer, random: SeededRandom, part: Buffer): Buffer {
  const at = random.below(input.length + 1);
  return Buffer.concat([input.subarray(0, at), part, input.subarray(at)]);
}

/** Short ones mostly: what is cut out should leave something. */
function range(input: Buffer, random: SeededRandom): [number, number] {
  const from = random.below(input.length + 1);
  const longest = random.chance(0.8) ? 16 : input.length;
  return [from, Math.min(input.length, from + random.below(longest + 1))];
}
