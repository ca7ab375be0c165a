import { describe, expect, it } from '@jest/globals';
import { MqError } from '../../../../mq/errors.ts';
import { filterLimits } from '../../../../mq/protocol/filter/filter-limits.ts';
import { parseFilter } from '../../../../mq/protocol/filter/parse-filter.ts';
import { printFilter } from '../../../../mq/protocol/filter/print-filter.ts';

function refusalOf(expression: string): MqError {
  try {
    parseFilter(expression);
  } catch (error) {
    if (MqError.is(error)) return error;
    throw error;
  }
  throw new Error(`${JSON.stringify(expression.slice(0, 60))} was taken`);
}

describe('a filter is read', () => {
  it.each([
    ['a=3 and b<>4 And c>5 AND d<=4', '((a = 3) AND (NOT (b = 4)) AND (c > 5) AND (d <= 4))'],
    ['a = 1 OR b = 2 AND c = 3', '((a = 1) OR ((b = 2) AND (c = 3)))'],
    ['a between 2 and 10', '((a >= 2) AND (a <= 10))'],
    ['a NOT BETWEEN 2 AND 10', '((a < 2) OR (a > 10))'],
    ["a in ('3', '4', '3')", "(a IN ('3', '4'))"],
    ["(a) not in ('it''s')", "(a NOT IN ('it''s'))"],
    ['a is null', '(a IS NULL)'],
    ['a Is Not Null', '(NOT (a IS NULL))'],
    ["a not contains'x'", "(a NOT CONTAINS 'x')"],
    ["'axb' startswith 'a' ", "('axb' STARTSWITH 'a')"],
    ['NOT a = 1', '((NOT a) = 1)'],
    ['a = b > 1', '(a = (b > 1))'],
    ['a = TRUE', '(a = TRUE)'],
    ['5 = FALSE', '(5 = FALSE)'],
    ['TRUE', 'TRUE'],
    ['a and not b', '(a AND (NOT b))'],
    ['a > -5', '(a > (- 5))'],
    ['a > --5', '(a > (- (- 5)))'],
    ['a > + 5.', '(a > 5.0)'],
    ['a = .5E1', '(a = 5.0)'],
    ['a=1e-7', '(a = 1e-7)'],
    ['a = 5l', '(a = 5)'],
    ['a = 9223372036854775807', '(a = 9223372036854775807)'],
    ['_a$1 = 1', '(_a$1 = 1)'],
    ['inn = nulls', '(inn = nulls)'],
    ['a /* b */ = -- c\n 1', '(a = 1)'],
    ['a = 1 -- c\r', '(a = 1)'],
    ['a/**/=/***/1', '(a = 1)'],
    ["a = '\n'", "(a = '\n')"],
    ["a = '数'", "(a = '数')"],
  ])('%j as %s', (expression, printed) => {
    expect(printFilter(parseFilter(expression))).toBe(printed);
  });
});

describe('a filter is refused', () => {
  it.each([
    ['', 1, 'found the end, expected a property'],
    ['   ', 4, 'found the end'],
    ['a and between 2 and 10', 7, 'found between, expected a property'],
    ['a >', 4, 'found the end'],
    ["a like 'x'", 3, 'found like, expected AND, OR, a comparison or the end'],
    ['a = 1 b', 7, 'found b, expected AND, OR'],
    ['a = 1)', 6, 'found ), expected AND, OR'],
    ['(a = 1', 7, 'found the end, expected AND, OR, a comparison or the ) of position 1'],
    ['a NOT = 1', 7, 'found =, expected BETWEEN, IN, CONTAINS'],
    ['a IS 5', 6, 'found 5, expected NULL or NOT NULL'],
    ['a IS NOT 5', 10, 'found 5, expected NULL'],
    ['a IN 1', 6, 'found 1, expected ( and the texts of IN'],
    ['a IN ()', 7, "found ), expected a text in quotes, such as 'a'"],
    ['a IN (1)', 7, 'found 1, expected a text in quotes'],
    ["a IN ('1'", 10, 'found the end, expected a comma or ) of IN'],
    ["-a IN ('1')", 1, 'IN is for a property only'],
    ['a CONTAINS 1', 12, 'found 1, expected a text in quotes'],
    ['a BETWEEN 1 OR 2', 13, 'found OR, expected AND and the upper bound'],
    ['a BETWEEN 10 AND 0', 11, 'the lower bound of BETWEEN is above the upper one'],
    ['a BETWEEN 2.5 AND 2', 11, 'the lower bound of BETWEEN is above the upper one'],
    ["a > 'x'", 5, 'a text is only equal or not: > compares numbers'],
    ['a <= TRUE', 6, 'a condition has no order: <= compares numbers'],
    ['NOT a > 1', 1, 'a condition has no order'],
    ['a BETWEEN NULL AND 1', 11, 'a condition has no order'],
    ['a = NULL', 5, 'nothing equals NULL; IS NULL asks'],
    ['a <> NULL', 6, 'nothing equals NULL'],
    ['TRUE = 5', 8, 'TRUE and FALSE equal no text and no number'],
    ['5', 1, 'a number is neither true nor false'],
    ["a OR 'x'", 6, 'a text is neither true nor false'],
    ['NOT 5', 5, 'a number is neither true nor false'],
    ['a > 0.0', 5, '0.0 is zero or infinite as a double; zero is written 0'],
    ['a > 1e999', 5, 'zero or infinite'],
    ['a > 007', 5, '007 begins with 0'],
    ['a > 9223372036854775808', 5, 'is above 9223372036854775807'],
    ['a = 0x10', 6, 'found x10'],
    ['a != 1', 3, '"!" begins nothing that is known'],
    ['数 = 1', 1, '"数" begins nothing that is known'],
    ['a = 🙂', 5, '"🙂" begins nothing that is known'],
    ["a = 'open", 5, "the text 'open has no closing quote"],
    ['a = 1 /* open', 7, 'the comment has no end'],
    ['a = 1 -- open', 7, 'found -'],
  ])('%j at position %d: %s', (expression, position, problem) => {
    const refusal = refusalOf(expression);
    expect(refusal.code).toBe('SUBSCRIPTION_PARSE_FAILED');
    expect(refusal.message).toContain(`at position ${position}: `);
    expect(refusal.message).toContain(problem);
    expect(refusal.details).toEqual({ position });
  });
});

describe('a filter that is too large', () => {
  const { maxChars, maxTokens, maxDepth, maxOperands } = filterLimits;

  it('has too many characters', () => {
    parseFilter(`a = '${'x'.repeat(maxChars - 6)}'`);
    expect(refusalOf(`a = '${'x'.repeat(maxChars - 5)}'`).message).toContain(
      `it has ${maxChars + 1} characters, at most ${maxChars} are taken`,
    );
  });

  it('has too many tokens', () => {
    const list = (count: number) => `a IN (${Array(count).fill("''").join(',')})`;
    parseFilter(list((maxTokens - 4) / 2));
    expect(refusalOf(list(maxTokens / 2)).message).toContain(`more than ${maxTokens} words`);
  });

  it.each([
    ['parentheses', (depth: number) => `${'('.repeat(depth)}a${')'.repeat(depth)}`],
    ['NOTs', (depth: number) => `${'NOT '.repeat(depth)}a`],
    ['signs', (depth: number) => `a > ${'- + '.repeat(depth / 2)}5`],
    ['links of a chain', (depth: number) => `a${' IS NULL'.repeat(depth)}`],
    ['searches of a chain', (depth: number) => `a${" CONTAINS 'x'".repeat(depth)}`],
    ['open parentheses', (depth: number) => `${'('.repeat(depth)}a${')'.repeat(depth)} = 1`],
  ])('is too deep: %s', (_, nested) => {
    // A comparison around it is one more.
    parseFilter(nested(maxDepth - 2));
    expect(refusalOf(nested(maxDepth + 2)).message).toContain(`more than ${maxDepth} levels`);
  });

  it('looks at too much for each message', () => {
    const longest = (count: number) => Array(count).fill('a').join(' OR ');
    parseFilter(longest(maxOperands));
    expect(refusalOf(longest(maxOperands + 1)).message).toContain(
      `more than ${maxOperands} properties and literals`,
    );
  });
});

// Each of these takes seconds with a parser that looks at a character more often than a few times.
describe('a filter at the limit of length is read or refused at once', () => {
  const { maxChars } = filterLimits;
  it.each([
    ['digits', '1'],
    ['zeros', '0'],
    ['dots', '.'],
    ['digits and dots', '1.'],
    ['exponents', '1e'],
    ['quotes', "'"],
    ['half quotes', "'a"],
    ['dashes', '-'],
    ['dashes with a line break', '--\n'],
    ['open comments', '/*'],
    ['comments', '/**/'],
    ['stars', '/*/'],
    ['blanks', ' '],
    ['letters', 'a'],
    ['open parentheses', '('],
    ['NOTs', 'NOT '],
    ['commas', ','],
  ])('of %s', (_, part) => {
    const expression = part.repeat(Math.floor(maxChars / part.length));
    for (const text of [expression, `a = ${expression.slice(4)}`]) {
      try {
        parseFilter(text);
      } catch (error) {
        expect(MqError.is(error)).toBe(true);
      }
    }
  });
});
