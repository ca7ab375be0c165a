import type { FilterNode, Relation, SearchWord } from './filter-node.ts';
import {
  compareDoubles,
  compareNumbers,
  doubleOf,
  negated,
  numberOf,
  type FilterNumber,
} from './java-numbers.ts';
import type { TextSearch } from './text-search.ts';

/** null: unknown, because a property is missing. */
export type FilterValue = string | FilterNumber | boolean | null;

type Node<T extends FilterNode['type']> = FilterNode & { type: T };

/**
 * What a filter gives for the properties of one message; undefined when it compares what cannot be compared, such as a
 * property of "five" with 5. The message is then not wanted, whatever the rest of the filter says.
 *
 * Three values: what is missing makes a comparison unknown, NOT leaves it so, `false AND` and `true OR` decide all the same.
 * Source: RocketMQ 5.5 LogicExpression.java, ComparisonExpression.java, UnaryExpression.java, and in which order they look.
 */
export function evaluateFilter(
  node: FilterNode,
  properties: ReadonlyMap<string, string>,
): FilterValue | undefined {
  switch (node.type) {
    case 'property':
      return properties.get(node.name) ?? null;
    case 'text':
      return node.text;
    case 'number':
      return node.number;
    case 'truth':
      return node.truth;
    case 'negate':
      return negate(evaluateFilter(node.operand, properties));
    case 'cast': {
      const value = evaluateFilter(node.operand, properties);
      return value === null || value === undefined ? value : false;
    }
    case 'not': {
      const value = evaluateFilter(node.operand, properties);
      return typeof value === 'boolean' ? !value : value;
    }
    case 'and':
      return joined(node, properties, false);
    case 'or':
      return joined(node, properties, true);
    case 'isNull': {
      const value = evaluateFilter(node.operand, properties);
      return value === undefined ? undefined : value === null;
    }
    case 'equal':
      return areEqual(node, properties);
    case 'compare':
      return isInOrder(node, properties);
    case 'in': {
      const value = properties.get(node.name);
      return value === undefined ? null : node.texts.has(value) !== node.isNegated;
    }
    case 'search':
      return isFound(node, properties);
    default:
      return node satisfies never;
  }
}

/** Only a number has a negative: of a property, which is a text, it is unknown. */
function negate(value: FilterValue | undefined): FilterValue | undefined {
  if (value === undefined) return undefined;
  return typeof value === 'object' && value !== null ? negated(value) : null;
}

/** AND and OR: the first operand that decides does, and nothing behind it is looked at. */
function joined(
  { operands }: Node<'and' | 'or'>,
  properties: ReadonlyMap<string, string>,
  decisive: boolean,
): boolean | null | undefined {
  let isUnknown = false;
  for (const operand of operands) {
    const value = evaluateFilter(operand, properties);
    if (value === undefined) return undefined;
    if (value === decisive) return decisive;
    if (value === null) isUnknown = true;
  }
  return isUnknown ? null : !decisive;
}

function areEqual(
  node: Node<'equal'>,
  properties: ReadonlyMap<string, string>,
): boolean | null | undefined {
  const left = evaluateFilter(node.left, properties);
  if (left === undefined) return undefined;
  const right = evaluateFilter(node.right, properties);
  if (right === undefined) return undefined;
  // Not symmetrical, and two that are missing are equal: as with the original.
  if (left === null) return right === null ? true : null;
  if (right === null) return false;
  const order = compared(left, right);
  return order === undefined ? undefined : order === 0;
}

function isInOrder(
  node: Node<'compare'>,
  properties: ReadonlyMap<string, string>,
): boolean | null | undefined {
  const left = evaluateFilter(node.left, properties);
  if (left === null || left === undefined) return left;
  const right = evaluateFilter(node.right, properties);
  if (right === null || right === undefined) return right;
  const order =
    typeof left === 'string' && typeof right === 'string'
      ? comparedAsDoubles(left, right)
      : compared(left, right);
  return order === undefined ? undefined : holds(node.relation, order);
}

function holds(relation: Relation, order: number): boolean {
  switch (relation) {
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    default:
      return relation satisfies never;
  }
}

/** Two properties have an order only as numbers. */
function comparedAsDoubles(left: string, right: string): number | undefined {
  const leftNumber = doubleOf(left);
  const rightNumber = doubleOf(right);
  if (leftNumber === undefined || rightNumber === undefined) return undefined;
  return compareDoubles(leftNumber, rightNumber);
}

/**
 * Below, at or above zero. A text beside a number is read as a number of that kind, and beside a condition on its right as
 * true or false; undefined when it is none, or when the condition is on the left. What is never equal gives −1.
 */
function compared(
  left: Exclude<FilterValue, null>,
  right: Exclude<FilterValue, null>,
): number | undefined {
  if (typeof left === 'string') {
    if (typeof right === 'string') return compareTexts(left, right);
    if (typeof right === 'boolean') return Number(left.toLowerCase() === 'true') - Number(right);
    const number = numberOf(left, right.kind);
    return number === undefined ? undefined : compareNumbers(number, right);
  }
  if (typeof left === 'boolean') {
    if (typeof right === 'string') return undefined;
    return typeof right === 'boolean' ? Number(left) - Number(right) : -1;
  }
  if (typeof right === 'boolean') return -1;
  const number = typeof right === 'string' ? numberOf(right, left.kind) : right;
  return number === undefined ? undefined : compareNumbers(left, number);
}

function compareTexts(left: string, right: string): number {
  if (left < right) return -1;
  return left > right ? 1 : 0;
}

/** In what is no text nothing is found, neither with NOT; and nothing is an empty text looked for. */
function isFound(
  { operand, search, word, isNegated }: Node<'search'>,
  properties: ReadonlyMap<string, string>,
): boolean | undefined {
  if (search.text === '') return false;
  const value = evaluateFilter(operand, properties);
  if (value === undefined) return undefined;
  return typeof value === 'string' && isAt(word, value, search) !== isNegated;
}

function isAt(word: SearchWord, value: string, search: TextSearch): boolean {
  switch (word) {
    case 'CONTAINS':
      return search.isIn(value);
    case 'STARTSWITH':
      return value.startsWith(search.text);
    case 'ENDSWITH':
      return value.endsWith(search.text);
    default:
      return word satisfies never;
  }
}
