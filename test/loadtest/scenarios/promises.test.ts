import { describe, expect, test } from '@jest/globals';
import { provePromises } from '../../../loadtest/scenarios/promises.ts';

/** A table with one column, asked in pages. */
function table(present: readonly string[], pages: number[] = []) {
  return async <T>(_sql: string, values: readonly unknown[] = []): Promise<T[]> => {
    pages.push(values.length);
    const counts = new Map<string, number>();
    for (const value of present) {
      if (values.includes(value)) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return [...counts].map(([value, count]) => ({ value, count })) as T[];
  };
}

const rows = { table: 't', column: 'c' };

describe('promises held against a table', () => {
  test('are kept when each is there once, however many they are', async () => {
    const promised = Array.from({ length: 2_500 }, (_, number) => `N${number}`);
    const pages: number[] = [];
    expect(await provePromises(table(promised, pages), promised, rows)).toEqual({
      persisted: 2_500,
      oversold: 0,
      lost: 0,
      duplicated: 0,
    });
    expect(pages).toEqual([1_000, 1_000, 500]);
  });

  test('are lost when they are not there; twice in the table and given out twice are both one too many', async () => {
    expect(await provePromises(table(['a', 'b', 'b']), ['a', 'a', 'b', 'c'], rows)).toEqual({
      persisted: 2,
      oversold: 0,
      lost: 1,
      duplicated: 2,
    });
  });
});
