import { describe, expect, it } from '@jest/globals';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { groupedBy, GroupedWork } from '../../../../services/flashsale/gate/grouped-work.ts';

/** Work whose goes end when the test says so. */
function heldWork(limits: { maxCount: number; maxRunning: number }) {
  const goes: number[][] = [];
  const ends: (() => void)[] = [];
  const group = new GroupedWork<number>(limits, (items) => {
    goes.push(items);
    return new Promise((resolve) => ends.push(resolve));
  });
  return { group, goes, ends };
}

describe('grouped work', () => {
  it('takes what came in one turn in one go', async () => {
    const { group, goes } = heldWork({ maxCount: 10, maxRunning: 1 });
    group.add(1);
    group.add(2);
    await Promise.resolve();
    group.add(3);
    expect(goes).toEqual([]);
    await nextTurn();
    expect(goes).toEqual([[1, 2, 3]]);
  });

  it('runs no more at a time than it may; what waits meanwhile makes the next go larger', async () => {
    const { group, goes, ends } = heldWork({ maxCount: 10, maxRunning: 2 });
    for (let item = 1; item <= 5; item += 1) {
      group.add(item);
      await nextTurn();
    }
    expect(goes).toEqual([[1], [2]]);
    expect(group.waitingCount).toBe(3);
    ends[0]!();
    await nextTurn();
    await nextTurn();
    expect(goes).toEqual([[1], [2], [3, 4, 5]]);
    expect(group.waitingCount).toBe(0);
  });

  it('takes no more in one go than it may', async () => {
    const { group, goes } = heldWork({ maxCount: 2, maxRunning: 2 });
    for (let item = 1; item <= 5; item += 1) group.add(item);
    await nextTurn();
    expect(goes).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(group.waitingCount).toBe(1);
  });
});

it('groups keep the order of what is in them', () => {
  const groups = groupedBy(['b1', 'a1', 'b2'], (item) => item[0]!);
  expect([...groups]).toEqual([
    ['b', ['b1', 'b2']],
    ['a', ['a1']],
  ]);
});
