import { filterError, shown } from './filter-error.ts';
import { filterLimits } from './filter-limits.ts';

const keywords = [
  'NOT',
  'AND',
  'OR',
  'BETWEEN',
  'IN',
  'TRUE',
  'FALSE',
  'NULL',
  'IS',
  'CONTAINS',
  'STARTSWITH',
  'ENDSWITH',
] as const;
const symbols = ['<>', '<=', '>=', '=', '<', '>', '+', '-', '(', ')', ','] as const;

export type Keyword = (typeof keywords)[number];
export type FilterSymbol = (typeof symbols)[number];

interface Positioned {
  /** Index of its first character. */
  at: number;
  /** As written. */
  source: string;
}

export type FilterToken = Positioned &
  (
    | { type: 'keyword'; word: Keyword }
    | { type: 'symbol'; symbol: FilterSymbol }
    | { type: 'name'; name: string }
    | { type: 'text'; text: string }
    | { type: 'integer'; digits: string }
    | { type: 'decimal' }
    | { type: 'end' }
  );

// Sticky: each is tried at one place only and, in case of doubt, takes as much as it can. None of them can look at a
// character more than twice.
const blank = /[ \t\n\r\f]+/y;
const word = /[A-Za-z_$][A-Za-z0-9_$]*/y;
const decimal = /(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+/y;
const integer = /\d+[lL]?/y;
const quoted = /'[^']*'(?:'[^']*')*/y;
const symbol = /<>|<=|>=|[=<>+\-(),]/y;

/**
 * Cuts an SQL92 expression into tokens; the last one is of type `end`. Keywords in any case, names are ASCII, `''` within a
 * text is one quote, comments are `-- to the end of the line` and slash-star … star-slash.
 *
 * Errors: SUBSCRIPTION_PARSE_FAILED with the position, also for what is longer than a filter may be.
 * Source: RocketMQ 5.5 SelectorParser.jj, its tokens.
 */
export function filterTokens(expression: string): FilterToken[] {
  const { maxChars, maxTokens } = filterLimits;
  if (expression.length > maxChars) {
    throw filterError(
      maxChars,
      `it has ${expression.length} characters, at most ${maxChars} are taken`,
    );
  }
  const tokens: FilterToken[] = [];
  const lastLineBreak = Math.max(expression.lastIndexOf('\n'), expression.lastIndexOf('\r'));
  let at = 0;
  for (;;) {
    at = skipped(expression, at, lastLineBreak);
    if (tokens.length >= maxTokens) {
      throw filterError(at, `it has more than ${maxTokens} words, literals and signs`);
    }
    if (at === expression.length) break;
    const token = tokenAt(expression, at);
    tokens.push(token);
    at += token.source.length;
  }
  tokens.push({ type: 'end', at, source: '' });
  return tokens;
}

/** Behind the blanks and comments that begin at `at`. */
function skipped(expression: string, at: number, lastLineBreak: number): number {
  for (;;) {
    const next = at + (matchAt(blank, expression, at)?.length ?? 0);
    // Without a line break behind it, `--` is two signs: so it is with the original.
    if (expression.startsWith('--', next) && next < lastLineBreak) {
      at = endOfLine(expression, next);
    } else if (expression.startsWith('/*', next)) {
      const end = expression.indexOf('*/', next + 2);
      if (end < 0) throw filterError(next, 'the comment has no end');
      at = end + 2;
    } else {
      return next;
    }
  }
}

function endOfLine(expression: string, from: number): number {
  let at = from;
  while (expression[at] !== '\n' && expression[at] !== '\r') at++;
  return at + 1;
}

function tokenAt(expression: string, at: number): FilterToken {
  const name = matchAt(word, expression, at);
  if (name !== undefined) return wordToken(name, at);
  const number = matchAt(decimal, expression, at);
  if (number !== undefined) return { type: 'decimal', at, source: number };
  const whole = matchAt(integer, expression, at);
  if (whole !== undefined) {
    if (whole.length > 1 && whole.startsWith('0')) {
      throw filterError(at, `${shown(whole)} begins with 0, which only 0 itself and decimals do`);
    }
    return { type: 'integer', at, source: whole, digits: whole.replace(/[lL]$/, '') };
  }
  if (expression[at] === "'") return textToken(expression, at);
  const sign = matchAt(symbol, expression, at);
  const known = symbols.find((each) => each === sign);
  if (known !== undefined) return { type: 'symbol', at, source: known, symbol: known };
  const found = String.fromCodePoint(expression.codePointAt(at)!);
  throw filterError(at, `${JSON.stringify(found)} begins nothing that is known`);
}

function wordToken(name: string, at: number): FilterToken {
  const upper = name.toUpperCase();
  const keyword = keywords.find((each) => each === upper);
  return keyword === undefined
    ? { type: 'name', at, source: name, name }
    : { type: 'keyword', at, source: name, word: keyword };
}

function textToken(expression: string, at: number): FilterToken {
  const source = matchAt(quoted, expression, at);
  if (source === undefined) {
    throw filterError(at, `the text ${shown(expression.slice(at))} has no closing quote`);
  }
  return { type: 'text', at, source, text: source.slice(1, -1).replaceAll("''", "'") };
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}
