import { describe, expect, it } from '@jest/globals';
import { PropertyFilter } from '../../../../mq/protocol/filter/property-filter.ts';

function matches(expression: string, properties: Record<string, string> = {}): boolean {
  return new PropertyFilter(expression).matches(new Map(Object.entries(properties)));
}

describe('a missing property', () => {
  it.each([
    ['a = 1', false],
    ['a <> 1', false],
    ['NOT (a = 1)', false],
    ["a NOT IN ('x')", false],
    ['a NOT BETWEEN 1 AND 2', false],
    ["a NOT CONTAINS 'x'", false],
    ["NOT (a CONTAINS 'x')", true],
    ['a IS NULL', true],
    ['a IS NOT NULL', false],
    ['a = 1 OR TRUE', true],
    ['NOT (a = 1 AND FALSE)', true],
    ['a = b', true],
    ["'x' <> a", true],
    ["a <> 'x'", false],
    ['(a = 1) IS NULL', true],
    ['NULL', false],
    ['NOT a IS NULL', true],
  ])('makes %s %s', (expression, expected) => {
    expect(matches(expression)).toBe(expected);
  });
});

describe('a property beside a number', () => {
  it.each([
    ['a > 4', '5', true],
    ['a > 4', '5.5', false],
    ['a > 4.5', '5', true],
    ['a > 4.5', ' 5.5 ', true],
    ['a > 4', ' 5', false],
    ['a > 4', '+5', true],
    ['a > 4', '3000000000', false],
    ['a > 3000000000', '3000000001', true],
    ['a = 9007199254740993', '9007199254740992', false],
    ['a = 5', '0005', true],
    ['a = 5.0', '5', true],
    ['a = 5', '5.0', false],
    ['a > 0.1', '1e3', true],
    ['a > 0.1', 'Infinity', true],
    ['a > 0.1', 'NaN', true],
    ['a < 0.1', 'NaN', false],
    ['a > 0.1', '0x1p3', false],
    ['a > 0.1', '0.5f', true],
    ['5 < a', '6', true],
    ['a > -5', '-4', true],
    ['a >= 2147483647', '2147483647', true],
    ['a >= 2147483647', '2147483648', false],
    ['a <= 5', '', false],
  ])('%s with %j: %s', (expression, a, expected) => {
    expect(matches(expression, { a })).toBe(expected);
  });
});

describe('a property', () => {
  it.each([
    ['that is compared with another has an order as a number', 'a > b', true],
    ['equals another as a text', "a = '10' AND b = '9.0' AND a <> b", true],
    ['is TRUE as a text, in any case', 't = TRUE AND NOT (t = FALSE)', true],
    ['that is any other text is FALSE', 'a = FALSE', true],
    ['is not true by itself', 't', false],
    ['is false by itself', 'NOT t', true],
    ['on the right of a condition cannot be compared', 'TRUE = t OR TRUE', false],
    ['has no negative', '-a < 0 OR -a >= 0', false],
    ['whose negative is unknown is not senseless', '-a < 0 OR TRUE', true],
    ['is one of a list', "a IN ('9', '10')", true],
    ['is looked into', "w CONTAINS 'or' AND w STARTSWITH 'wo' AND w ENDSWITH 'ld'", true],
    ['contains no empty text', "w CONTAINS '' OR w NOT CONTAINS ''", false],
    ['is as written, in its case', 'W IS NULL AND w IS NOT NULL', true],
  ])('%s', (_, expression, expected) => {
    const properties = { a: '10', b: '9.0', t: 'tRuE', w: 'world' };
    expect(matches(expression, properties)).toBe(expected);
  });
});

describe('what cannot be compared', () => {
  const properties = { a: 'five', b: '5' };

  it('makes a message unwanted, whatever else it has', () => {
    expect(matches('a = 5', properties)).toBe(false);
    expect(matches('a <> 5', properties)).toBe(false);
    expect(matches('a > b', properties)).toBe(false);
    expect(matches('a = 5 OR b = 5', properties)).toBe(false);
    expect(matches('NOT (a = 5) OR TRUE', properties)).toBe(false);
  });

  it('does no harm where it is not looked at', () => {
    expect(matches('b = 5 OR a = 5', properties)).toBe(true);
    expect(matches('NOT (b = 4 AND a = 5)', properties)).toBe(true);
  });
});

describe('a search', () => {
  it('finds a long text wherever it is, and only there', () => {
    const part = `${'ab'.repeat(20)}c`;
    for (const before of ['', 'a', 'ab', 'abab', 'ababc', 'x'.repeat(100)]) {
      expect(matches(`a CONTAINS '${part}'`, { a: `${before}${part}d` })).toBe(true);
      expect(matches(`a CONTAINS '${part}'`, { a: `${before}${part.slice(0, -1)}d` })).toBe(false);
    }
  });

  // The product of both lengths is half a billion.
  it('takes no longer for texts that are made to be hard to search', () => {
    const part = `b${'a'.repeat(16_000)}`;
    const filter = new PropertyFilter(`a CONTAINS '${part}' OR a CONTAINS '${part.slice(1)}b'`);
    const properties = new Map([['a', 'a'.repeat(32_000)]]);
    for (let run = 0; run < 20; run++) expect(filter.matches(properties)).toBe(false);
  });

  it('takes no longer for properties that are made to be hard to read as numbers', () => {
    const filter = new PropertyFilter('a > 5 OR TRUE');
    const decimal = new PropertyFilter('a > 5.5 OR TRUE');
    for (const part of ['0', '1', '.', ' ', '1.', '1e', ' x']) {
      const properties = new Map([['a', `${part.repeat(32_000)}x`]]);
      expect(filter.matches(properties)).toBe(false);
      expect(decimal.matches(properties)).toBe(false);
    }
  });
});
