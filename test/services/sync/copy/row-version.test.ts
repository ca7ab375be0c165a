import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  comparePositions,
  type BinlogPosition,
} from '../../../../services/contracts/order-binlog.ts';
import { VERSION_LENGTH, versionOf } from '../../../../services/sync/copy/row-version.ts';
import { plays } from '../../../support/plays.ts';

const positions = fc.record({
  file: fc.nat(2_000_000_000).map((number) => `binlog.${String(number).padStart(6, '0')}`),
  offset: fc.nat({ max: 2 ** 40 }),
  row: fc.nat(1_000_000),
});

describe('the version of a row', () => {
  it('is a text that a person can read', () => {
    expect(versionOf({ file: 'binlog.000012', offset: 18_342, row: 1 })).toBe(
      '0000000012:0000000018342:0000000001',
    );
  });

  it('sorts as positions do, and always has the same length', () => {
    fc.assert(
      fc.property(positions, positions, (a: BinlogPosition, b: BinlogPosition) => {
        const [first, second] = [versionOf(a), versionOf(b)];
        expect([first.length, second.length]).toEqual([VERSION_LENGTH, VERSION_LENGTH]);
        const order = first < second ? -1 : first > second ? 1 : 0;
        expect(order).toBe(Math.sign(comparePositions(a, b)));
      }),
      plays(),
    );
  });

  it('refuses a number that would sort wrongly', () => {
    const position = { file: 'binlog.000001', offset: 10 ** 13, row: 1 };
    expect(() => versionOf(position)).toThrow('offset 10000000000000');
  });
});
