import { describe, expect, it } from '@jest/globals';
import { runsOf } from '../../../mq/store/record-runs.ts';

const KIB = 1024;
const SEGMENT_BYTES = 1024 * KIB;

/** Sizes of the runs, in records of 1 KiB at these offsets, in KiB. */
function runs(...offsets: number[]): number[] {
  const log = {
    nextSegmentStart: (offset: number) => (Math.floor(offset / SEGMENT_BYTES) + 1) * SEGMENT_BYTES,
  };
  const wanted = offsets.map((offset, queueOffset) => ({
    commitLogOffset: offset * KIB,
    sizeBytes: KIB,
    queueOffset,
  }));
  return runsOf(log, wanted).map((run) => run.length);
}

describe('records on disk', () => {
  it('are fetched by one read although those of other queues lie between', () => {
    expect(runs(0, 4, 8, 25, 29)).toEqual([5]);
  });

  it('are fetched apart where more lies between than a read costs', () => {
    expect(runs(0, 18, 19)).toEqual([1, 2]);
  });

  it('are fetched by reads of 256 KiB at most', () => {
    expect(runs(...Array.from({ length: 40 }, (_, index) => index * 10))).toEqual([26, 14]);
  });

  it('are not fetched across the end of a segment', () => {
    expect(runs(1022, 1023, 1024)).toEqual([2, 1]);
  });

  it('are fetched apart where the queue goes backwards in the log', () => {
    expect(runs(4, 0, 1)).toEqual([1, 2]);
  });
});
