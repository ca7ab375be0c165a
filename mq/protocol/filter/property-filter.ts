import { evaluateFilter } from './evaluate-filter.ts';
import type { FilterNode } from './filter-node.ts';
import { parseFilter } from './parse-filter.ts';

/** An SQL92 expression, ready to be asked which messages it wants. */
export class PropertyFilter {
  readonly expression: string;
  readonly #node: FilterNode;

  /** Errors: SUBSCRIPTION_PARSE_FAILED, see `parseFilter`. */
  constructor(expression: string) {
    this.expression = expression;
    this.#node = parseFilter(expression);
  }

  /** Whether the filter is true for these properties: neither false, nor unknown, nor senseless. Never throws. */
  matches(properties: ReadonlyMap<string, string>): boolean {
    return evaluateFilter(this.#node, properties) === true;
  }
}
