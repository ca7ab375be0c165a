import { isRetryTopic } from '../protocol/names.ts';
import { SUBSCRIBE_ALL, TAG_EXPRESSION, type SubscriptionData } from '../protocol/subscription.ts';
import type { ConsumerMember } from './client-channel.ts';
import type { Observation } from './findings.ts';

/** Members named in a finding; a group may have thousands. */
const NAMED_MEMBERS = 3;

/** Asked for at each pull of a group whose members differ, and of each of them. */
const texts = new WeakMap<SubscriptionData, string>();

/**
 * What a subscription selects, as text: two that select the same have the same text, whatever their versions and
 * however their tags are written.
 */
export function describeSelection(subscription: SubscriptionData): string {
  const known = texts.get(subscription);
  if (known !== undefined) return known;
  const text = selectionText(subscription);
  texts.set(subscription, text);
  return text;
}

function selectionText(subscription: SubscriptionData): string {
  const { expressionType, classFilterMode, tagsSet } = subscription;
  const expression = subscription.subString.trim();
  if (classFilterMode) return `class ${expression}`;
  if (expressionType !== TAG_EXPRESSION && expressionType !== '') {
    return `${expressionType} ${expression}`;
  }
  if (expression === '' || expression === SUBSCRIBE_ALL) return SUBSCRIBE_ALL;
  return [...new Set(tagsSet)].toSorted().join(' || ');
}

/** The group's subscription of every topic that a member wants: the one with the highest version. */
export function newestSubscriptions(
  members: Iterable<ConsumerMember>,
): Map<string, SubscriptionData> {
  const newest = new Map<string, SubscriptionData>();
  for (const { subscriptions } of members) {
    for (const [topic, subscription] of subscriptions) {
      const known = newest.get(topic);
      if (known === undefined || known.subVersion < subscription.subVersion) {
        newest.set(topic, subscription);
      }
    }
  }
  return newest;
}

/** Topics of which two members want something different; who does not subscribe to a topic has no say in it. */
export function disputedTopics(members: readonly ConsumerMember[]): Set<string> {
  const known = new Map<string, string>();
  const disputed = new Set<string>();
  for (const { subscriptions } of members) {
    for (const [topic, subscription] of subscriptions) {
      const selection = describeSelection(subscription);
      if ((known.get(topic) ?? selection) !== selection) disputed.add(topic);
      known.set(topic, selection);
    }
  }
  return disputed;
}

/** What the members of a group do not agree on, as findings: how they consume, which topics, and what of each. */
export function disagreements(group: string, members: readonly ConsumerMember[]): Observation[] {
  if (members.length < 2) return [];
  const found: Observation[] = [];
  const models = grouped(members, ({ messageModel }) => messageModel);
  if (models.size > 1) {
    found.push({
      ...differing(models),
      subject: group,
      what: `consumers of group ${group} consume in different ways: ${described(models)}`,
      advice:
        'give all members of a group one message model: each message goes to one of the CLUSTERING members and to ' +
        'every BROADCASTING one',
    });
  }
  for (const topic of topicsOf(members)) {
    const selections = grouped(members, ({ subscriptions }) => {
      const subscription = subscriptions.get(topic);
      return subscription === undefined ? 'not at all' : `to ${describeSelection(subscription)}`;
    });
    if (selections.size === 1) continue;
    found.push({
      ...differing(selections),
      subject: `${group} ${topic}`,
      what: `consumers of group ${group} subscribe to ${topic} differently: ${described(selections)}`,
      advice:
        'give all members of a group the same subscriptions, or groups of their own; until then a member stops at ' +
        'the first message in its queues that another wants and it does not',
    });
  }
  return found;
}

/** A pull consumer has no retry topic to subscribe to, so that its group's members may differ in it. */
function topicsOf(members: readonly ConsumerMember[]): Set<string> {
  const topics = members.flatMap(({ subscriptions }) => [...subscriptions.keys()]);
  return new Set(topics.filter((topic) => !isRetryTopic(topic)));
}

function grouped(
  members: readonly ConsumerMember[],
  kindOf: (member: ConsumerMember) => string,
): Map<string, ConsumerMember[]> {
  const kinds = new Map<string, ConsumerMember[]>();
  for (const member of members) {
    const kind = kindOf(member);
    const alike = kinds.get(kind);
    if (alike === undefined) kinds.set(kind, [member]);
    else alike.push(member);
  }
  return kinds;
}

function differing(
  kinds: ReadonlyMap<string, ConsumerMember[]>,
): Pick<Observation, 'kind' | 'addresses'> {
  const named = [...kinds.values()].flatMap((members) => members.slice(0, NAMED_MEMBERS));
  return { kind: 'SUBSCRIPTIONS_DIFFER', addresses: named.map(({ channel }) => channel.peer) };
}

/** `to TagA by a@1 (10.0.0.1:4000); to TagB by b@2 (10.0.0.2:4000) and 7 more` */
function described(kinds: ReadonlyMap<string, ConsumerMember[]>): string {
  return [...kinds]
    .map(([kind, members]) => {
      const named = members
        .slice(0, NAMED_MEMBERS)
        .map(({ clientId, channel }) => `${clientId} (${channel.peer})`);
      const others = members.length - named.length;
      return `${kind} by ${named.join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
    })
    .join('; ');
}
