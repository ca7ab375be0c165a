import { expect, it } from '@jest/globals';
import type { BinlogPosition } from '../../../../services/contracts/order-binlog.ts';
import { Progress } from '../../../../services/sync/follower/progress.ts';

const at = (offset: number): BinlogPosition => ({ file: 'binlog.000001', offset, row: 0 });

/** A transaction from one offset to the next, with so many changes of ours. */
function read(progress: Progress, start: number, end: number, changeCount: number) {
  const transaction = progress.begin(at(start), start);
  transaction.waitingCount = changeCount;
  progress.end(transaction, at(end));
  return transaction;
}

it('is no further than the first transaction that is not published, and then behind all that follow it', () => {
  const progress = new Progress(at(4));
  const first = read(progress, 4, 10, 1);
  const second = read(progress, 10, 20, 1);
  progress.published(second);
  expect(progress.position).toEqual(at(4));
  progress.published(first);
  expect(progress.position).toEqual(at(20));
});

it('keeps nothing of transactions without changes of ours, however many come while one waits', () => {
  const progress = new Progress(at(4));
  const first = read(progress, 4, 10, 1);
  for (let offset = 10; offset < 1_010; offset++) read(progress, offset, offset + 1, 0);
  expect(progress.openCount).toBe(1);
  const last = read(progress, 1_010, 1_020, 1);
  expect(progress.position).toEqual(at(4));
  progress.published(first);
  expect(progress.position).toEqual(at(1_010));
  expect(progress.publishedThroughMs).toBe(1_009);
  progress.published(last);
  expect(progress.position).toEqual(at(1_020));
});
