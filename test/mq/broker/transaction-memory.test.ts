import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from '@jest/globals';
import { TransactionTable } from '../../../mq/broker/transaction-table.ts';

const COUNT = 200_000;

/** Of live objects: what is garbage is collected first. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}

it('an open transaction takes at most 200 bytes of memory, also in a log of terabytes', () => {
  const table = new TransactionTable({ maxChecks: 15, maxRecent: 16 });
  const producerGroup = 'a group that all of them share';
  const before = heapBytes();
  for (let index = 0; index < COUNT; index++) {
    table.add({
      id: index,
      queueOffset: index,
      commitLogOffset: 2 ** 42 + index * 700,
      producerGroup,
      checkCount: 0,
      dueAtMs: 30_000 + index,
    });
  }
  const bytesEach = (heapBytes() - before) / COUNT;
  expect(table.openCount).toBe(COUNT);
  expect(bytesEach).toBeGreaterThan(40);
  expect(bytesEach).toBeLessThanOrEqual(200);
});
