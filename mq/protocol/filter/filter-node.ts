import type { FilterNumber } from './java-numbers.ts';
import type { TextSearch } from './text-search.ts';

export type Relation = '<' | '<=' | '>' | '>=';
export type SearchWord = 'CONTAINS' | 'STARTSWITH' | 'ENDSWITH';

/**
 * A filter as a tree, its operands checked. `a <> b` is a `not` around an `equal`, IS NOT NULL a `not` around an `isNull`,
 * BETWEEN an `and` of two `compare`s, NOT BETWEEN an `or`: so they are with the original, which shows in what they give
 * when a property is missing.
 */
export type FilterNode =
  | { readonly type: 'property'; readonly name: string }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'number'; readonly number: FilterNumber }
  /** TRUE, FALSE and NULL. */
  | { readonly type: 'truth'; readonly truth: boolean | null }
  | { readonly type: 'negate'; readonly operand: FilterNode }
  /** A property where true or false is asked for. Properties are texts: never true, not even the text "true". */
  | { readonly type: 'cast'; readonly operand: FilterNode }
  | { readonly type: 'not'; readonly operand: FilterNode }
  /** As many operands as were written side by side, so that a long list is no deep tree. */
  | { readonly type: 'and' | 'or'; readonly operands: readonly FilterNode[] }
  | { readonly type: 'equal'; readonly left: FilterNode; readonly right: FilterNode }
  | { readonly type: 'isNull'; readonly operand: FilterNode }
  | {
      readonly type: 'compare';
      readonly relation: Relation;
      readonly left: FilterNode;
      readonly right: FilterNode;
    }
  | {
      readonly type: 'in';
      readonly name: string;
      readonly texts: ReadonlySet<string>;
      readonly isNegated: boolean;
    }
  | {
      readonly type: 'search';
      readonly word: SearchWord;
      readonly operand: FilterNode;
      readonly search: TextSearch;
      readonly isNegated: boolean;
    };

/** Whether it gives true, false or nothing, and never a text or a number. */
export function isCondition(node: FilterNode): boolean {
  switch (node.type) {
    case 'property':
    case 'text':
    case 'number':
    case 'negate':
      return false;
    default:
      return true;
  }
}

/** Written out in the expression: a text, a number, TRUE, FALSE or NULL. */
export function isLiteral(node: FilterNode): boolean {
  return node.type === 'text' || node.type === 'number' || node.type === 'truth';
}
