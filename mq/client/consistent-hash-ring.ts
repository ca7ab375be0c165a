import { createHash } from 'node:crypto';
import { compareText } from '../protocol/message-queue.ts';

/** Java's default; every member of a group must have as many, or they disagree. */
const POINTS_PER_MEMBER = 10;

/**
 * Puts each member on a ring at ten places, and returns who owns a text: the member at its hash or next behind it.
 *
 * Source: RocketMQ 5.3 ConsistentHashRouter.java: points are hashes of `member-n`, of two at one place the later member's
 *         counts; a hash is the first four bytes of an MD5.
 */
export function consistentHashRing(
  members: readonly string[],
): (text: string) => string | undefined {
  const memberAt = new Map<number, string>();
  for (const member of members.toSorted(compareText)) {
    for (let point = 0; point < POINTS_PER_MEMBER; point++) {
      memberAt.set(hash(`${member}-${point}`), member);
    }
  }
  const points = [...memberAt.keys()].toSorted((a, b) => a - b);
  return (text) => {
    const place = points[firstAtOrAfter(points, hash(text))] ?? points[0];
    return place === undefined ? undefined : memberAt.get(place);
  };
}

function hash(text: string): number {
  return createHash('md5').update(text, 'utf8').digest().readUInt32BE(0);
}

/** Index of the first of the ascending `values` that is ≥ `wanted`; their count when none is. */
function firstAtOrAfter(values: readonly number[], wanted: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
