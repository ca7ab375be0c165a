import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { MqError } from '../../../../mq/errors.ts';
import { parseFilter } from '../../../../mq/protocol/filter/parse-filter.ts';
import { printFilter } from '../../../../mq/protocol/filter/print-filter.ts';
import { PropertyFilter } from '../../../../mq/protocol/filter/property-filter.ts';
import { selects, someFilter, someProperties } from './plain-filter.ts';
import { plays } from '../../../support/plays.ts';

const words =
  "a NOT and Or between IN true NULL is contains endswith ( ) , = <> < >= + - 5 5L 07 1.5e3 . 1e 'x' ' -- /* */ \n ä \0 🙂 ;".split(
    ' ',
  );
/** Words of the language in any order, which is rarely one that parses, and never mind. */
const salad = fc
  .array(fc.oneof(fc.constantFrom(...words), fc.string({ unit: 'binary', maxLength: 4 })), {
    maxLength: 40,
  })
  .chain((found) => fc.constantFrom(found.join(' '), found.join('')));

describe('a filter', () => {
  it('selects what the plain evaluator selects', () => {
    let selected = 0;
    fc.assert(
      fc.property(
        someFilter,
        fc.array(someProperties, { minLength: 1, maxLength: 8 }),
        (plain, messages) => {
          const filter = new PropertyFilter(plain.text);
          for (const properties of messages) {
            const isWanted = selects(plain, properties);
            if (isWanted) selected++;
            expect([...properties, filter.matches(properties)]).toEqual([...properties, isWanted]);
          }
        },
      ),
      plays(1_000),
    );
    // Filters that never match would agree about everything.
    expect(selected).toBeGreaterThan(1_000);
  });

  it('is read as the same filter when it was printed', () => {
    fc.assert(
      fc.property(someFilter, ({ text }) => {
        const node = parseFilter(text);
        const printed = printFilter(node);
        expect(parseFilter(printed)).toEqual(node);
        expect(printFilter(parseFilter(printed))).toBe(printed);
      }),
      plays(1_000),
    );
  });

  it('is refused with a position within it, whatever is thrown at the parser', () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.oneof(salad, fc.string({ unit: 'binary' })), (text) => {
        try {
          new PropertyFilter(text).matches(new Map([['a', '5']]));
        } catch (error) {
          refused++;
          if (!MqError.is(error)) throw error;
          expect(error.code).toBe('SUBSCRIPTION_PARSE_FAILED');
          expect(error.details['position']).toBeGreaterThanOrEqual(1);
          expect(error.details['position']).toBeLessThanOrEqual(text.length + 1);
          expect(error.message.length).toBeLessThan(400);
        }
      }),
      plays(2_000),
    );
    expect(refused).toBeGreaterThan(1_000);
  });
});
