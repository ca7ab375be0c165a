import { expect, it } from '@jest/globals';
import { columnValue } from '../../../../services/sync/follower/column-values.ts';

it.each<[string, unknown, unknown]>([
  ['bigint', 42, '42'],
  ['bigint unsigned', '18446744073709551615', '18446744073709551615'],
  ['bigint', '-9223372036854775808', '-9223372036854775808'],
  ['int', -5, -5],
  ['double', 0.1, 0.1],
  ['decimal(30,10)', '-12345678901234567890.0123456789', '-12345678901234567890.0123456789'],
  ['varchar(64)', 'käthe 😀', 'käthe 😀'],
  ['varchar(64)', '', ''],
  ['datetime(3)', '2026-11-30 08:15:00.250', '2026-11-30T08:15:00.250Z'],
  ['datetime(6)', '2026-11-30 08:15:00.250123', '2026-11-30T08:15:00.250123Z'],
  ['timestamp', '2026-11-30 08:15:00', '2026-11-30T08:15:00Z'],
  ['date', '2026-11-30', '2026-11-30'],
  ['time(3)', '-12:30:00.500', '-12:30:00.500'],
  ['varbinary(8)', Buffer.from([0, 255]), { base64: 'AP8=' }],
  ["enum('a')", undefined, ''],
  ['bigint', null, null],
])('tells a value of %s: %p', (type, value, told) => {
  expect(columnValue({ name: 'c', type }, value)).toEqual(told);
});

it.each<[string, unknown]>([
  ['bigint', 2 ** 60],
  ['bigint', '12.5'],
  ['datetime(3)', new Date(0)],
  ['point', { x: 1, y: 2 }],
  ['double', Number.NaN],
  ['varchar(8)', undefined],
])('refuses to guess at a value of %s: %p', (type, value) => {
  expect(() => columnValue({ name: 'c', type }, value)).toThrow(
    new RangeError(`column c of type ${type} holds a value of type ${typeof value}`),
  );
});
