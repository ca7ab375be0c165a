import { MqError } from '../errors.ts';
import type { JsonSource } from './fast-json.ts';
import { parseFilter } from './filter/parse-filter.ts';
import type { JsonBody } from './json-body.ts';
import { javaHashCode } from './properties.ts';
import { quoted } from './quoted.ts';

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
export const SQL92_EXPRESSION = 'SQL92';

/** What a tag expression may be; Apache RocketMQ has no limits here. */
export const tagLimits = { maxChars: 65_536, maxTags: 1_024 } as const;

/**
 * Which messages of a topic are wanted: `*`, a tag, tags as `TagA || TagB`; or an SQL92 expression on their properties,
 * `{ sql: "region = 'EU' AND amount > 100" }`.
 */
export type MessageSelector = string | { readonly sql: string };

/** Clients that know nothing of expression types leave it out, or empty. */
export function isTagType(expressionType: string): boolean {
  return expressionType === TAG_EXPRESSION || expressionType === '';
}

/**
 * Errors: INVALID_ARGUMENT for tags that are none, or too many; SUBSCRIPTION_PARSE_FAILED with the position for SQL92 that does
 *         not parse.
 */
export function subscriptionOf(
  topic: string,
  selector: MessageSelector,
  subVersion: number,
): SubscriptionData {
  if (typeof selector === 'string') return tagSubscription(topic, selector, subVersion);
  // JavaScript callers pass what they like.
  const given = selector as { readonly sql?: unknown } | null | undefined;
  if (typeof given?.sql !== 'string') {
    throw new MqError(
      'INVALID_ARGUMENT',
      `the selector of topic ${topic} is neither a text of tags nor { sql: … }`,
    );
  }
  parseFilter(given.sql);
  return {
    topic,
    subString: given.sql,
    tagsSet: [],
    codeSet: [],
    subVersion,
    expressionType: SQL92_EXPRESSION,
    classFilterMode: false,
  };
}

/**
 * Reads a tag expression: `*` and the empty text mean everything, otherwise tags are separated by `||`.
 *
 * Errors: INVALID_ARGUMENT when nothing but separators is left, or when it is longer than `tagLimits`.
 */
export function tagSubscription(
  topic: string,
  expression: string,
  subVersion: number,
): SubscriptionData {
  assertWithinLimits(topic, 'characters', expression.length, tagLimits.maxChars);
  const tagsSet = splitTags(expression);
  assertWithinLimits(topic, 'tags', tagsSet.length, tagLimits.maxTags);
  const isEverything = expression.trim() === '' || expression.trim() === SUBSCRIBE_ALL;
  if (!isEverything && tagsSet.length === 0) {
    throw new MqError(
      'INVALID_ARGUMENT',
      `tag expression ${quoted(expression)} of topic ${topic} names no tag`,
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

function assertWithinLimits(topic: string, what: string, count: number, limit: number): void {
  if (count <= limit) return;
  throw new MqError(
    'INVALID_ARGUMENT',
    `the tag expression of topic ${topic} has ${count} ${what}, at most ${limit} are taken`,
    { details: { count, limit } },
  );
}

/**
 * Whether a group's tag expression, as a heartbeat brought it, is one that this broker serves.
 *
 * Errors: INVALID_ARGUMENT naming topic, number and limit.
 */
export function assertTagLimits({ topic, subString, codeSet }: SubscriptionData): void {
  assertWithinLimits(topic, 'characters', subString.length, tagLimits.maxChars);
  assertWithinLimits(topic, 'tags', codeSet.length, tagLimits.maxTags);
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
    subVersion: versionJson(subscription.subVersion),
    tagsSet: subscription.tagsSet,
    topic: subscription.topic,
  };
}

const LARGEST_LONG = 2n ** 63n - 1n;

/** Beyond 2^53, where Go counts, it is as near as a number can be, which may be above what a Java long can be. */
function versionJson(subVersion: number): JsonSource {
  if (Number.isSafeInteger(subVersion)) return subVersion;
  const exact = BigInt(Math.trunc(subVersion));
  return exact > LARGEST_LONG ? LARGEST_LONG : exact;
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
  const needsCodes = isTagType(expressionType) && !classFilterMode && codeSet.length === 0;
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
