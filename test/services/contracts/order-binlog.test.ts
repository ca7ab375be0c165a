import { describe, expect, it } from '@jest/globals';
import {
  binlogFileNumber,
  comparePositions,
  parseRowChange,
  positionOfProperties,
  rowOf,
  type RowChange,
} from '../../../services/contracts/order-binlog.ts';

const facts = {
  schema: 'millrace_order',
  table: 'orders',
  orderNo: 'O-1',
  position: { file: 'binlog.000012', offset: 4711, row: 2 },
  committedAt: '2026-11-30T08:15:00Z',
};
const before = { order_no: 'O-1', total_minor: '9007199254740993', paid_at: null };
const after = { order_no: 'O-1', step: 3, raw: { base64: 'AP8=' } };
const changes: RowChange[] = [
  { ...facts, op: 'INSERT', after },
  { ...facts, op: 'UPDATE', before, after },
  { ...facts, op: 'DELETE', before },
];

describe('a change of a row', () => {
  it.each(changes)('is read as it was written: $op', (change) => {
    expect(parseRowChange(JSON.stringify({ ...change, more: 1 }))).toEqual(change);
  });

  it('has a row: after the change, and before it of one that deletes', () => {
    expect(changes.map((change) => rowOf(change))).toEqual([after, after, before]);
  });

  it.each([
    [{ op: 'UPSERT' }, 'op is "UPSERT", it must be INSERT, UPDATE or DELETE'],
    [{ orderNo: 'O 1' }, 'orderNo is not 1 to 64 visible ASCII characters'],
    [{ table: '' }, 'table is not a text'],
    [{ committedAt: 'yesterday' }, 'committedAt is not a time'],
    [{ position: null }, 'position is not an object'],
    [{ position: { ...facts.position, file: 'binlog' } }, 'position.file "binlog" has no number'],
    [{ position: { ...facts.position, offset: -1 } }, 'position.offset is not an integer ≥ 0'],
    [{ position: { ...facts.position, row: '2' } }, 'position.row is not an integer ≥ 0'],
    [{ after: [] }, 'after is not an object'],
    [{ after: { step: true } }, 'after.step is not a value of a column'],
    [{ before: undefined }, 'before is not an object'],
  ])('is refused with %j', (wrong, reason) => {
    const body = JSON.stringify({ ...changes[1], ...wrong });
    expect(() => parseRowChange(body)).toThrow(
      expect.objectContaining({ code: 'MESSAGE.POISON', message: reason }),
    );
  });
});

describe('positions', () => {
  it('are ordered by the number of the file, which is no text, then offset, then row', () => {
    const ordered = [
      { file: 'binlog.999999', offset: 9, row: 1 },
      { file: 'binlog.1000000', offset: 4, row: 0 },
      { file: 'binlog.1000000', offset: 4, row: 1 },
      { file: 'binlog.1000000', offset: 30, row: 1 },
    ];
    expect(ordered.toReversed().sort(comparePositions)).toEqual(ordered);
    expect(binlogFileNumber('mysql-bin.000012')).toBe(12);
  });

  it('are read off the properties of a message, when it has any', () => {
    const properties = new Map([
      ['binlogFile', 'binlog.000012'],
      ['binlogPosition', '4711'],
      ['rowIndex', '2'],
    ]);
    expect(positionOfProperties(properties)).toEqual(facts.position);
    expect(positionOfProperties(new Map([['op', 'INSERT']]))).toBeUndefined();
    properties.delete('rowIndex');
    expect(() => positionOfProperties(properties)).toThrow('position.row is not an integer ≥ 0');
  });
});
