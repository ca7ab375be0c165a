import type { PropertyFilter } from '../protocol/filter/property-filter.ts';
import type { Properties } from '../protocol/properties.ts';
import {
  assertTagLimits,
  isTagType,
  SUBSCRIBE_ALL,
  type SubscriptionData,
} from '../protocol/subscription.ts';

/** Which messages of a queue a consumer wants: those with one of these tag hashes, or those that pass the filter; else all. */
export interface MessageSelection {
  readonly tagsCodes?: ReadonlySet<number> | undefined;
  readonly filter?: PropertyFilter | undefined;
}

export function selectsAll({ tagsCodes, filter }: MessageSelection): boolean {
  return tagsCodes === undefined && filter === undefined;
}

export function selects(
  { tagsCodes, filter }: MessageSelection,
  tagsCode: number,
  properties: () => Properties,
): boolean {
  if (tagsCodes !== undefined && !tagsCodes.has(tagsCode)) return false;
  return filter === undefined || filter.matches(properties());
}

/**
 * What a subscription by tags selects.
 *
 * Errors: INVALID_ARGUMENT when it is longer than tag expressions may be.
 */
export function tagSelection(subscription: SubscriptionData): MessageSelection {
  const expression = subscription.subString.trim();
  const isEverything = expression === SUBSCRIBE_ALL || expression === '';
  if (isEverything || subscription.classFilterMode) return {};
  assertTagLimits(subscription);
  return { tagsCodes: new Set(subscription.codeSet) };
}

export function isBySql({ expressionType, classFilterMode }: SubscriptionData): boolean {
  return !isTagType(expressionType) && !classFilterMode;
}
