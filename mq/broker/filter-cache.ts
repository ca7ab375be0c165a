import { MqError } from '../errors.ts';
import { PropertyFilter } from '../protocol/filter/property-filter.ts';
import { SQL92_EXPRESSION } from '../protocol/subscription.ts';

/** The original keeps 100. */
const MAX_FILTERS = 100;
/** Of all expressions kept; a tree takes some tens of bytes for each character. */
const MAX_CHARS = 512 * 1024;

/** Filters by their expression: consumers that send theirs with every pull must not have it parsed every time. */
export class FilterCache {
  /** The one used last comes last. */
  readonly #filters = new Map<string, PropertyFilter>();
  #chars = 0;

  get size(): number {
    return this.#filters.size;
  }

  /** Errors: SUBSCRIPTION_PARSE_FAILED with the position, or naming an expression type that is unknown. */
  get(expressionType: string, expression: string): PropertyFilter {
    if (expressionType !== SQL92_EXPRESSION) {
      throw new MqError(
        'SUBSCRIPTION_PARSE_FAILED',
        `expression type ${JSON.stringify(expressionType.slice(0, 40))} is neither TAG nor SQL92`,
      );
    }
    const known = this.#filters.get(expression);
    const filter = known ?? new PropertyFilter(expression);
    if (known === undefined) this.#chars += expression.length;
    else this.#filters.delete(expression);
    this.#filters.set(expression, filter);
    this.#trim();
    return filter;
  }

  #trim(): void {
    for (const expression of this.#filters.keys()) {
      if (this.#filters.size <= MAX_FILTERS && this.#chars <= MAX_CHARS) return;
      this.#filters.delete(expression);
      this.#chars -= expression.length;
    }
  }
}
