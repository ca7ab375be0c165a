import assert from 'node:assert/strict';
import { evaluateFilter } from '../../../mq/protocol/filter/evaluate-filter.ts';
import { parseFilter } from '../../../mq/protocol/filter/parse-filter.ts';
import { printFilter } from '../../../mq/protocol/filter/print-filter.ts';
import { outcomeOf, type Target } from '../target.ts';

const inputs = [
  "a > 1 AND (b BETWEEN -2 AND 3.5e2 OR NOT c IN ('x', 'it''s'))",
  "TAGS IS NOT NULL AND a CONTAINS 'b' AND a NOT STARTSWITH 'c' AND a ENDSWITH ''",
  'a = TRUE OR b <> FALSE OR c IS NULL AND d >= 9223372036854775807',
];
const words = [
  '(',
  ')',
  ' NOT ',
  ' AND ',
  ' OR ',
  ' IN ',
  "'",
  ',',
  ' BETWEEN ',
  ' IS NULL',
  '1e999',
  '-',
  '0x1F',
  '9'.repeat(40),
  'a',
  '/*',
  '--',
  '\n',
];
const properties = new Map([
  ['a', 'abc'],
  ['b', '3'],
  ['c', '-1e3'],
  ['TAGS', ''],
]);

/** SQL92 expressions: read, printed, read again, and asked about a message. */
export const filters: Target = {
  name: 'filters',
  material: {
    inputs: inputs.map((text) => Buffer.from(text)),
    words: words.map((text) => Buffer.from(text)),
  },
  check(input) {
    return outcomeOf(() => {
      const filter = parseFilter(input.toString('utf8'));
      assert.deepEqual(parseFilter(printFilter(filter)), filter, 'reads what it prints');
      evaluateFilter(filter, properties);
    });
  },
};
