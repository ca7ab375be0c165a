import type { MqError } from '../../errors.ts';
import { filterError, shown } from './filter-error.ts';
import { filterLimits } from './filter-limits.ts';
import {
  isCondition,
  isLiteral,
  type FilterNode,
  type Relation,
  type SearchWord,
} from './filter-node.ts';
import {
  filterTokens,
  type FilterSymbol,
  type FilterToken,
  type Keyword,
} from './filter-tokens.ts';
import { compareNumbers, decimalLiteral, integerLiteral } from './java-numbers.ts';
import { TextSearch } from './text-search.ts';

/**
 * Reads an SQL92 expression, which must be one to its end.
 *
 * Binding, from loose to tight: OR; AND; `=`, `<>`, IS; `<`, `<=`, `>`, `>=`, BETWEEN, IN, CONTAINS and the like; NOT, `+`,
 * `-`. So NOT binds tighter than a comparison: `NOT a = 1` is `(NOT a) = 1`, which is never true.
 *
 * Errors: SUBSCRIPTION_PARSE_FAILED with the position, what was found and what was expected; also for what is longer or deeper
 *         than `filterLimits`, and for what the original refuses: comparing texts or conditions by order, `= NULL`, IN with
 *         anything but texts, BETWEEN with its bounds the wrong way round, decimals that are zero.
 * Source: RocketMQ 5.5 SelectorParser.jj, ComparisonExpression.java. The original ignores whatever comes after the first
 *         complete expression, so that `a LIKE 'x'` is `a` there; here that is refused.
 */
export function parseFilter(expression: string): FilterNode {
  return new FilterParser(filterTokens(expression)).whole();
}

const searchWords: ReadonlySet<string> = new Set(['CONTAINS', 'STARTSWITH', 'ENDSWITH']);
const relations: ReadonlySet<string> = new Set(['<', '<=', '>', '>=']);

/** An operand, and where it begins. */
interface Operand {
  readonly node: FilterNode;
  readonly at: number;
}

class FilterParser {
  readonly #tokens: readonly FilterToken[];
  #next = 0;
  #depth = 0;
  #operandCount = 0;

  constructor(tokens: readonly FilterToken[]) {
    this.#tokens = tokens;
  }

  whole(): FilterNode {
    const node = condition(this.#either());
    if (this.#token.type !== 'end') {
      throw this.#unexpected('AND, OR, a comparison or the end of the expression');
    }
    return node;
  }

  get #token(): FilterToken {
    return this.#tokens[this.#next]!;
  }

  /** a OR b OR … */
  #either(): Operand {
    return this.#joined('OR', 'or', () => this.#all());
  }

  /** a AND b AND … */
  #all(): Operand {
    return this.#joined('AND', 'and', () => this.#equality());
  }

  #joined(word: Keyword, type: 'and' | 'or', part: () => Operand): Operand {
    const first = part();
    if (!this.#isWord(word)) return first;
    const operands = [condition(first)];
    while (this.#skipWord(word)) operands.push(condition(part()));
    return { node: { type, operands }, at: first.at };
  }

  /** a = b, a <> b, a IS NULL, a IS NOT NULL */
  #equality(): Operand {
    return this.#chain(this.#comparison(), (left) => {
      if (this.#skipSymbol('=')) return equal(left, this.#comparison());
      if (this.#skipSymbol('<>')) return not(equal(left, this.#comparison()));
      if (!this.#skipWord('IS')) return undefined;
      const isNegated = this.#skipWord('NOT');
      if (!this.#skipWord('NULL')) throw this.#unexpected(isNegated ? 'NULL' : 'NULL or NOT NULL');
      const isNull: FilterNode = { type: 'isNull', operand: left.node };
      return isNegated ? not(isNull) : isNull;
    });
  }

  /** What compares by order, looks into a text or a list. */
  #comparison(): Operand {
    return this.#chain(this.#signed(), (left) => {
      const token = this.#token;
      if (token.type === 'symbol' && isRelation(token.symbol)) {
        this.#next++;
        return compare(token.symbol, left, this.#signed());
      }
      const isNegated = this.#skipWord('NOT');
      const word = this.#token.type === 'keyword' ? this.#token.word : undefined;
      if (word === 'BETWEEN') return this.#between(left, isNegated);
      if (word === 'IN') return this.#in(left, isNegated);
      if (word !== undefined && isSearchWord(word)) return this.#search(left, word, isNegated);
      if (isNegated) throw this.#unexpected('BETWEEN, IN, CONTAINS, STARTSWITH or ENDSWITH');
      return undefined;
    });
  }

  #between(value: Operand, isNegated: boolean): FilterNode {
    this.#next++;
    const low = this.#signed();
    if (!this.#skipWord('AND')) throw this.#unexpected('AND and the upper bound of BETWEEN');
    const high = this.#signed();
    if (isNegated) {
      return { type: 'or', operands: [compare('<', value, low), compare('>', value, high)] };
    }
    const operands = [compare('>=', value, low), compare('<=', value, high)];
    const isUpsideDown =
      low.node.type === 'number' &&
      high.node.type === 'number' &&
      compareNumbers(low.node.number, high.node.number) > 0;
    if (isUpsideDown)
      throw filterError(low.at, 'the lower bound of BETWEEN is above the upper one');
    return { type: 'and', operands };
  }

  #in(left: Operand, isNegated: boolean): FilterNode {
    if (left.node.type !== 'property') {
      throw filterError(left.at, 'IN is for a property only, and this is something else');
    }
    this.#next++;
    if (!this.#skipSymbol('(')) throw this.#unexpected('( and the texts of IN');
    const texts = new Set<string>();
    do texts.add(this.#text());
    while (this.#skipSymbol(','));
    if (!this.#skipSymbol(')')) throw this.#unexpected('a comma or ) of IN');
    return { type: 'in', name: left.node.name, texts, isNegated };
  }

  #search({ node: operand }: Operand, word: SearchWord, isNegated: boolean): FilterNode {
    this.#next++;
    this.#countOperand();
    const search = new TextSearch(this.#text());
    return { type: 'search', word, operand, search, isNegated };
  }

  #text(): string {
    const token = this.#token;
    if (token.type !== 'text') throw this.#unexpected("a text in quotes, such as 'a'");
    this.#next++;
    return token.text;
  }

  /** +a, -a, NOT a */
  #signed(): Operand {
    const token = this.#token;
    if (this.#skipSymbol('+'))
      return { ...this.#deeper(token, () => this.#signed()), at: token.at };
    if (this.#skipSymbol('-')) {
      const { node: operand } = this.#deeper(token, () => this.#signed());
      return { node: { type: 'negate', operand }, at: token.at };
    }
    if (this.#skipWord('NOT')) {
      const operand = condition(this.#deeper(token, () => this.#signed()));
      return { node: not(operand), at: token.at };
    }
    return this.#primary();
  }

  #primary(): Operand {
    const token = this.#token;
    if (this.#skipSymbol('(')) {
      const { node } = this.#deeper(token, () => this.#either());
      if (!this.#skipSymbol(')')) {
        throw this.#unexpected(`AND, OR, a comparison or the ) of position ${token.at + 1}`);
      }
      return { node, at: token.at };
    }
    const node = this.#leaf(token);
    this.#countOperand();
    this.#next++;
    return { node, at: token.at };
  }

  #leaf(token: FilterToken): FilterNode {
    switch (token.type) {
      case 'name':
        return { type: 'property', name: token.name };
      case 'text':
        return { type: 'text', text: token.text };
      case 'integer':
      case 'decimal':
        return numberNode(token);
      case 'keyword':
        if (token.word === 'TRUE') return { type: 'truth', truth: true };
        if (token.word === 'FALSE') return { type: 'truth', truth: false };
        if (token.word === 'NULL') return { type: 'truth', truth: null };
        break;
      default:
        break;
    }
    throw this.#unexpected('a property, a text, a number, TRUE, FALSE, NOT, + or - or (');
  }

  /** `left` and whatever of one kind follows it, from left to right. Each link is one step deeper in the tree. */
  #chain(first: Operand, link: (left: Operand) => FilterNode | undefined): Operand {
    const depth = this.#depth;
    let left = first;
    for (;;) {
      const token = this.#token;
      const node = link(left);
      if (node === undefined) break;
      this.#goDeeper(token);
      left = { node, at: first.at };
    }
    this.#depth = depth;
    return left;
  }

  #deeper(token: FilterToken, parse: () => Operand): Operand {
    this.#goDeeper(token);
    const operand = parse();
    this.#depth--;
    return operand;
  }

  #goDeeper(token: FilterToken): void {
    this.#depth++;
    if (this.#depth <= filterLimits.maxDepth) return;
    throw filterError(token.at, `more than ${filterLimits.maxDepth} levels within each other`);
  }

  #countOperand(): void {
    this.#operandCount++;
    if (this.#operandCount <= filterLimits.maxOperands) return;
    throw filterError(
      this.#token.at,
      `more than ${filterLimits.maxOperands} properties and literals; texts of an IN do not count`,
    );
  }

  #isWord(word: Keyword): boolean {
    return this.#token.type === 'keyword' && this.#token.word === word;
  }

  #skipWord(word: Keyword): boolean {
    const isThere = this.#isWord(word);
    if (isThere) this.#next++;
    return isThere;
  }

  #skipSymbol(symbol: FilterSymbol): boolean {
    const isThere = this.#token.type === 'symbol' && this.#token.symbol === symbol;
    if (isThere) this.#next++;
    return isThere;
  }

  #unexpected(expected: string): MqError {
    const { type, source, at } = this.#token;
    const found = type === 'end' ? 'the end' : shown(source);
    return filterError(at, `found ${found}, expected ${expected}`);
  }
}

function isRelation(symbol: FilterSymbol): symbol is Relation {
  return relations.has(symbol);
}

function isSearchWord(word: Keyword): word is SearchWord {
  return searchWords.has(word);
}

function numberNode(token: FilterToken & { type: 'integer' | 'decimal' }): FilterNode {
  if (token.type === 'integer') {
    const number = integerLiteral(token.digits);
    if (number !== undefined) return { type: 'number', number };
    throw filterError(token.at, `${shown(token.source)} is above ${2n ** 63n - 1n}`);
  }
  const number = decimalLiteral(token.source);
  if (number !== undefined) return { type: 'number', number };
  throw filterError(
    token.at,
    `${shown(token.source)} is zero or infinite as a double; zero is written 0`,
  );
}

function not(operand: FilterNode): FilterNode {
  return { type: 'not', operand };
}

/** The operand of NOT, AND and OR, and the whole. */
function condition({ node, at }: Operand): FilterNode {
  if (isCondition(node)) return node;
  if (node.type === 'property') return { type: 'cast', operand: node };
  throw filterError(at, `a ${node.type === 'text' ? 'text' : 'number'} is neither true nor false`);
}

function compare(relation: Relation, left: Operand, right: Operand): FilterNode {
  for (const { node, at } of [left, right]) {
    if (node.type === 'text') {
      throw filterError(at, `a text is only equal or not: ${relation} compares numbers`);
    }
    if (isCondition(node)) {
      throw filterError(at, `a condition has no order: ${relation} compares numbers`);
    }
  }
  return { type: 'compare', relation, left: left.node, right: right.node };
}

function equal(left: Operand, right: Operand): FilterNode {
  for (const { node, at } of [left, right]) {
    if (node.type === 'truth' && node.truth === null) {
      throw filterError(at, 'nothing equals NULL; IS NULL asks whether a property is missing');
    }
  }
  const isUnlike =
    left.node.type === 'truth' && isLiteral(right.node) && right.node.type !== 'truth';
  if (isUnlike) throw filterError(right.at, 'TRUE and FALSE equal no text and no number');
  return { type: 'equal', left: left.node, right: right.node };
}
