import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { requestCommand } from '../protocol/frame.ts';
import type { ConsumerData, MessageModel } from '../protocol/heartbeat.ts';
import { notifyConsumerIdsChanged } from '../protocol/requests/notify-consumer-ids-changed.ts';
import type { SubscriptionData } from '../protocol/subscription.ts';
import type { ClientChannel, ClientIdentity, ConsumerMember } from './client-channel.ts';
import type { Findings, Observation } from './findings.ts';
import {
  describeSelection,
  disagreements,
  disputedTopics,
  newestSubscriptions,
} from './group-subscriptions.ts';
import { LostMembers } from './lost-members.ts';

export interface ConsumerManagerDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly findings: Findings;
  /** Whether the members of a group are to be told at once when it changes. */
  readonly isNotifyEnabled: (group: string) => boolean;
  /** What a group subscribes to, after every heartbeat and whenever a member leaves; undefined when it was the last one. */
  readonly onSubscriptions?: (
    group: string,
    subscriptions: ReadonlyMap<string, SubscriptionData> | undefined,
  ) => void;
  /** A group wants other messages of a topic than before. */
  readonly onSelectionChanged?: (group: string, topic: string) => void;
}

/** Why a member is one no more: it has said so. */
const LEFT = 'left';
/** One consumer group that has members now, as their latest heartbeats describe it. */
export interface ConsumerGroup {
  readonly messageModel: MessageModel;
  /** Of every topic that a member wants, the newest subscription. */
  readonly subscriptions: ReadonlyMap<string, SubscriptionData>;
  readonly members: ReadonlyMap<ClientChannel, ConsumerMember>;
  /** Topics of which not all members that subscribe to them want the same. */
  readonly disputedTopics: ReadonlySet<string>;
}

interface GroupState extends ConsumerGroup {
  messageModel: MessageModel;
  subscriptions: ReadonlyMap<string, SubscriptionData>;
  readonly members: Map<ClientChannel, ConsumerMember>;
  disagreements: readonly Observation[];
  disputedTopics: ReadonlySet<string>;
}

/**
 * Which consumers are connected, by consumer group, and what each of them subscribes to.
 *
 * A group exists while it has a member. Its members should subscribe to the same; where they do not, the subscription
 * with the highest subVersion is the group's, and the difference is reported with every heartbeat.
 * Every change of the membership or the set of topics is told to all members, who then share the queues anew.
 *
 * Source: RocketMQ 4.9 ConsumerManager.java, ConsumerGroupInfo.java, DefaultConsumerIdsChangeListener.java, which keep
 *         one subscription a group and topic, whichever member sent it.
 */
export class ConsumerManager {
  readonly #groups = new Map<string, GroupState>();
  readonly #lost: LostMembers;
  readonly #deps: ConsumerManagerDeps;

  constructor(deps: ConsumerManagerDeps) {
    this.#deps = deps;
    this.#lost = new LostMembers(deps.clock);
  }

  get(group: string): ConsumerGroup | undefined {
    return this.#groups.get(group);
  }

  all(): Iterable<[name: string, group: ConsumerGroup]> {
    return this.#groups;
  }

  /** The groups whose members subscribe to a topic now. */
  groupsOf(topic: string): string[] {
    return [...this.#groups].flatMap(([name, { subscriptions }]) =>
      subscriptions.has(topic) ? name : [],
    );
  }

  /** Whether members of a group want different messages of a topic, or did when one was lost that may be back. */
  isInDispute(group: string, topic: string): boolean {
    const isDisputed = this.#groups.get(group)?.disputedTopics.has(topic) === true;
    return isDisputed || this.#lost.wanted(group, topic).length > 0;
  }

  /** What others of its group want of a topic that is in dispute, those that may be back among them; each once. */
  wantedBeside(member: ConsumerMember, group: string, topic: string): SubscriptionData[] {
    const subscriptions = Array.from(this.#groups.get(group)?.members.values() ?? [])
      .filter((other) => other !== member)
      .flatMap((other) => other.subscriptions.get(topic) ?? []);
    subscriptions.push(...this.#lost.wanted(group, topic));
    return [...new Map(subscriptions.map((each) => [describeSelection(each), each])).values()];
  }

  /** Once each, although a client that has just reconnected may be there with both connections. */
  clientIds(group: string): string[] {
    const members = this.#groups.get(group)?.members.values() ?? [];
    return [...new Set([...members].map((member) => member.clientId))];
  }

  /** What a heartbeat says about one group. */
  register(channel: ClientChannel, client: ClientIdentity, consumer: ConsumerData): void {
    const name = consumer.groupName;
    const group = this.#groups.get(name) ?? newGroup(consumer.messageModel);
    this.#groups.set(name, group);
    group.messageModel = consumer.messageModel;
    this.#lost.isBack(name, client.clientId);
    const before = group.members.get(channel);
    const hasJoined = before?.clientId !== client.clientId;
    const { consumeType, messageModel, consumeFromWhere, subscriptionDataSet } = consumer;
    const subscriptions = new Map(subscriptionDataSet.map((each) => [each.topic, each]));
    const lastHeartbeatMs = this.#deps.clock.monotonicMs();
    const kind = { consumeType, messageModel, consumeFromWhere };
    group.members.set(channel, { ...client, channel, lastHeartbeatMs, ...kind, subscriptions });
    const isAsBefore =
      !hasJoined &&
      before.messageModel === messageModel &&
      isSame(before.subscriptions, subscriptions);
    const hasOtherTopics = isAsBefore ? false : this.#membersChanged(name, group);
    this.#deps.onSubscriptions?.(name, group.subscriptions);
    for (const disagreement of group.disagreements) this.#deps.findings.report(disagreement);
    if (hasJoined) {
      this.#deps.logger.info(`consumer ${client.clientId} joined group ${name}`, {
        peer: channel.peer,
        members: group.members.size,
      });
    }
    if (hasJoined || hasOtherTopics) this.#notify(name, group);
  }

  unregister(group: string, channel: ClientChannel): void {
    this.#remove(group, channel, LEFT);
  }

  channelGone(channel: ClientChannel): void {
    for (const group of this.#groups.keys()) this.#remove(group, channel, 'lost its connection');
  }

  /** Drops members whose latest heartbeat is not after `sinceMs`, on the monotonic clock; returns their channels. */
  dropSilent(sinceMs: number): ClientChannel[] {
    this.#lost.forgetExpired();
    const dropped: ClientChannel[] = [];
    for (const [name, group] of this.#groups) {
      for (const { channel, lastHeartbeatMs } of group.members.values()) {
        if (lastHeartbeatMs > sinceMs) continue;
        this.#remove(name, channel, 'sent no heartbeat for too long');
        dropped.push(channel);
      }
    }
    return dropped;
  }

  isMember(channel: ClientChannel): boolean {
    for (const { members } of this.#groups.values()) if (members.has(channel)) return true;
    return false;
  }

  /** Returns whether the set of topics changed; a newer expression for the same topic is no reason to rebalance. */
  #membersChanged(name: string, group: GroupState): boolean {
    const before = group.subscriptions;
    const members = [...group.members.values()];
    group.subscriptions = newestSubscriptions(members);
    group.disagreements = disagreements(name, members);
    group.disputedTopics = disputedTopics(members);
    for (const [topic, subscription] of group.subscriptions) {
      const known = before.get(topic);
      if (known === undefined || describeSelection(known) === describeSelection(subscription))
        continue;
      this.#deps.logger.info(`group ${name} now subscribes otherwise to ${topic}`, {
        from: known.subString,
        to: subscription.subString,
      });
      this.#deps.onSelectionChanged?.(name, topic);
    }
    return (
      before.size !== group.subscriptions.size ||
      [...before.keys()].some((topic) => !group.subscriptions.has(topic))
    );
  }

  #remove(name: string, channel: ClientChannel, why: string): void {
    const group = this.#groups.get(name);
    const member = group?.members.get(channel);
    if (group === undefined || member === undefined) return;
    const isThereAnew = [...group.members.values()].some(
      (other) => other !== member && other.clientId === member.clientId,
    );
    if (why !== LEFT && !isThereAnew) {
      const topics = [...member.subscriptions.values()];
      const disputed = topics.filter(({ topic }) => this.isInDispute(name, topic));
      this.#lost.keep(name, member.clientId, disputed);
    }
    group.members.delete(channel);
    this.#deps.logger.info(`consumer ${member.clientId} of group ${name} ${why}`, {
      peer: channel.peer,
      members: group.members.size,
    });
    if (group.members.size === 0) {
      this.#groups.delete(name);
      this.#deps.onSubscriptions?.(name, undefined);
      return;
    }
    this.#membersChanged(name, group);
    this.#deps.onSubscriptions?.(name, group.subscriptions);
    this.#notify(name, group);
  }

  #notify(name: string, group: GroupState): void {
    if (!this.#deps.isNotifyEnabled(name)) return;
    const command = requestCommand({
      code: notifyConsumerIdsChanged.code,
      extFields: notifyConsumerIdsChanged.encodeRequest({ consumerGroup: name }),
    });
    for (const channel of group.members.keys()) {
      if (!channel.isOpen) continue;
      // Not awaited and not retried: a member that cannot be told rebalances on its own timer.
      channel.oneway(command).catch((cause: unknown) =>
        this.#deps.logger.debug(`could not tell a member of ${name} that the group changed`, {
          peer: channel.peer,
          cause,
        }),
      );
    }
  }
}

function newGroup(messageModel: MessageModel): GroupState {
  return {
    messageModel,
    subscriptions: new Map(),
    members: new Map(),
    disagreements: [],
    disputedTopics: new Set(),
  };
}

function isSame(
  before: ReadonlyMap<string, SubscriptionData>,
  now: ReadonlyMap<string, SubscriptionData>,
): boolean {
  if (before.size !== now.size) return false;
  for (const [topic, subscription] of now) {
    const known = before.get(topic);
    if (known?.subVersion !== subscription.subVersion) return false;
    if (describeSelection(known) !== describeSelection(subscription)) return false;
  }
  return true;
}
