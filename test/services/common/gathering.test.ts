import { describe, expect, it } from '@jest/globals';
import { Gathering } from '../../../services/common/gathering.ts';

/** A promise and the way to settle it. */
function gate(): { passed: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open };
}

describe('a gathering', () => {
  it('does together what is asked for in one turn of the event loop, and gives each its own result', async () => {
    const runs: number[][] = [];
    const doubling = new Gathering<number, number>({
      work: async (items) => {
        runs.push([...items]);
        return items.map((item) => 2 * item);
      },
    });
    expect(await Promise.all([1, 2, 3].map((item) => doubling.add(item)))).toEqual([2, 4, 6]);
    expect(runs).toEqual([[1, 2, 3]]);
  });

  it('lets those who come while others are served wait for each other', async () => {
    const runs: number[][] = [];
    const first = gate();
    const begun = gate();
    const gathering = new Gathering<number, number>({
      work: async (items) => {
        runs.push([...items]);
        begun.open();
        if (runs.length === 1) await first.passed;
        return items;
      },
    });
    const one = gathering.add(1);
    await begun.passed;
    const others = [gathering.add(2), gathering.add(3)];
    first.open();
    expect(await Promise.all([one, ...others])).toEqual([1, 2, 3]);
    expect(runs).toEqual([[1], [2, 3]]);
  });

  it('does not let those who come wait for ever for a run that hangs', async () => {
    const gathering = new Gathering<string, string>({
      work: async (items) => {
        if (items.includes('hangs')) await new Promise(() => undefined);
        return items;
      },
    });
    void gathering.add('hangs');
    await new Promise((resolve) => setImmediate(resolve));
    expect(await gathering.add('goes on')).toBe('goes on');
  });

  it('does each alone when they cannot be done together, so that one who fails fails alone', async () => {
    const gathering = new Gathering<number, string>({
      work: async (items) => {
        if (items.includes(2)) throw new Error(`not ${items.join()}`);
        return items.map((item) => `did ${item}`);
      },
    });
    const outcomes = await Promise.allSettled([1, 2, 3].map((item) => gathering.add(item)));
    expect(outcomes).toMatchObject([
      { value: 'did 1' },
      { reason: { message: 'not 2' } },
      { value: 'did 3' },
    ]);
  });

  it('has another way to do one alone, where it is given one', async () => {
    const gathering = new Gathering<number, string>({
      work: async () => {
        throw new Error('never together');
      },
      alone: async (item) => `alone ${item}`,
    });
    expect(await gathering.add(1)).toBe('alone 1');
  });

  it('serves as many as come at once, in runs of what one statement can name', async () => {
    const counts: number[] = [];
    const gathering = new Gathering<number, number>({
      work: async (items) => {
        counts.push(items.length);
        return items;
      },
    });
    const items = Array.from({ length: 300 }, (_, index) => index);
    expect(await Promise.all(items.map((item) => gathering.add(item)))).toEqual(items);
    expect(counts).toEqual([128, 128, 44]);
  });
});
