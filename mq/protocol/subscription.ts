import { MqError } from '../errors.ts';
import type { JsonSource } from './fast-json.ts';
import type { JsonBody } from './json-body.ts';
import { javaHashCode } from './properties.ts';

/** What a consumer group wants of one topic. */
export interface SubscriptionData {
  topic: string;
  /** `*`, `TagA || TagB`, or an SQL92 expression. */
  subString: string;
  tagsSet: string[];
  /** Java hashes of the tags: what the broker compares with a ConsumeQueue entry's tagsCode. */
  codeSet: number[];
  /** Milliseconds since the epoch; the newer of two subscriptions of one group wins. */
  subVersion: number;
  /** `TAG` or `SQL92`. */
  expressionType: string;
  classFilterMode: boolean;
}

export const SUBSCRIBE_ALL = '*';
export const TAG_EXPRESSION = 'TAG';

/**
 * Reads a tag expression: `*` and the empty text mean everything, otherwise tags are separated by `||`.
 *
 * Errors: INVALID_ARGUMENT when nothing but separators is left.
 */
export function tagSubscription(
  topic: string,
  expression: string,
  subVersion: number,
): SubscriptionData {
  const tagsSet = splitTags(expression);
  const isEverything = expression.trim() === '' || expression.trim() === SUBSCRIBE_ALL;
  if (!isEverything && tagsSet.length === 0) {
    throw new MqError(
      'INVALID_ARGUMENT',
      `tag expression ${JSON.stringify(expression)} of topic ${topic} names no tag`,
    );
  }
  return {
    topic,
    subString: isEverything ? SUBSCRIBE_ALL : expression,
    tagsSet,
    codeSet: tagsSet.map(javaHashCode),
    subVersion,
    expressionType: TAG_EXPRESSION,
    classFilterMode: false,
  };
}

function splitTags(expression: string): string[] {
  if (expression.trim() === SUBSCRIBE_ALL) return [];
  const tags = expression.split('||').map((tag) => tag.trim());
  return [...new Set(tags.filter((tag) => tag !== ''))];
}

export function subscriptionJson(subscription: SubscriptionData): JsonSource {
  return {
    classFilterMode: subscription.classFilterMode,
    codeSet: subscription.codeSet,
    expressionType: subscription.expressionType,
    subString: subscription.subString,
    subVersion: subscription.subVersion,
    tagsSet: subscription.tagsSet,
    topic: subscription.topic,
  };
}

/**
 * Reads a subscription of any client. C++ leaves out expressionType and both sets; without codeSet a broker
 * would match nothing, so it is computed from subString.
 *
 * Errors: INVALID_ARGUMENT naming the field.
 */
export function readSubscription(json: JsonBody): SubscriptionData {
  const subString = json.optionalString('subString') ?? SUBSCRIBE_ALL;
  const expressionType = json.optionalString('expressionType') ?? TAG_EXPRESSION;
  const tagsSet = json.strings('tagsSet');
  const codeSet = json.integers('codeSet');
  const classFilterMode = json.boolean('classFilterMode', false);
  const needsCodes = expressionType === TAG_EXPRESSION && !classFilterMode && codeSet.length === 0;
  const tags = needsCodes && tagsSet.length === 0 ? splitTags(subString) : tagsSet;
  return {
    topic: json.string('topic'),
    subString,
    tagsSet: tags,
    codeSet: needsCodes ? tags.map(javaHashCode) : codeSet,
    subVersion: json.version('subVersion', 0),
    expressionType,
    classFilterMode,
  };
}
