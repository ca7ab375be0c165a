import { describe, expect, it } from '@jest/globals';
import type { RowChange } from '../../../../services/contracts/order-binlog.ts';
import { newestOf, statesOf } from '../../../../services/sync/copy/row-state.ts';

const facts = {
  schema: 'shop',
  table: 'order_items',
  orderNo: 'O-1',
  position: { file: 'binlog.000001', offset: 100, row: 1 },
  committedAt: '2026-11-30T08:15:00Z',
} as const;
const key = ['order_no', 'line_no'];
const item = (line: number, quantity: number) => ({ order_no: 'O-1', line_no: line, quantity });

const described = (change: RowChange) =>
  statesOf(change, key).map(({ values, isDeleted }) => ({ ...values, isDeleted }));

describe('the states that a change leaves', () => {
  it('are the row as it is, of an insert and of an update', () => {
    expect(described({ ...facts, op: 'INSERT', after: item(1, 2) })).toEqual([
      { ...item(1, 2), isDeleted: false },
    ]);
    expect(described({ ...facts, op: 'UPDATE', before: item(1, 2), after: item(1, 3) })).toEqual([
      { ...item(1, 3), isDeleted: false },
    ]);
  });

  it('are the last values and that they are gone, of a deletion', () => {
    expect(described({ ...facts, op: 'DELETE', before: item(1, 2) })).toEqual([
      { ...item(1, 2), isDeleted: true },
    ]);
  });

  it('are two when the row has another key now', () => {
    expect(described({ ...facts, op: 'UPDATE', before: item(1, 2), after: item(2, 2) })).toEqual([
      { ...item(1, 2), isDeleted: true },
      { ...item(2, 2), isDeleted: false },
    ]);
  });
});

it('keeps the newest of several states of a row, whichever comes last', () => {
  const at = (offset: number, quantity: number) =>
    statesOf(
      { ...facts, op: 'INSERT', position: { ...facts.position, offset }, after: item(1, quantity) },
      key,
    );
  const newest = newestOf([...at(100, 1), ...at(300, 3), ...at(200, 2)], key);
  expect(newest.map(({ values }) => values['quantity'])).toEqual([3]);
});
