import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { requestCommand } from '../protocol/frame.ts';
import type { ConsumerData, MessageModel } from '../protocol/heartbeat.ts';
import { notifyConsumerIdsChanged } from '../protocol/requests/notify-consumer-ids-changed.ts';
import type { SubscriptionData } from '../protocol/subscription.ts';
import type { ClientChannel, ClientIdentity, GroupMember } from './client-channel.ts';

export interface ConsumerManagerDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether the members of a group are to be told at once when it changes. */
  readonly isNotifyEnabled: (group: string) => boolean;
}

/** One consumer group that has members now, as their latest heartbeats describe it. */
export interface ConsumerGroup {
  readonly messageModel: MessageModel;
  readonly subscriptions: ReadonlyMap<string, SubscriptionData>;
  readonly members: ReadonlyMap<ClientChannel, GroupMember>;
}

interface GroupState extends ConsumerGroup {
  messageModel: MessageModel;
  readonly subscriptions: Map<string, SubscriptionData>;
  readonly members: Map<ClientChannel, GroupMember>;
}

/**
 * Which consumers are connected, by consumer group, and what each group subscribes to.
 *
 * A group exists while it has a member. All members are taken to subscribe to the same: a heartbeat replaces the
 * group's subscription of a topic when its subVersion is larger, and drops topics it does not name.
 * Every change of the membership or the set of topics is told to all members, who then share the queues anew.
 *
 * Source: RocketMQ 4.9 ConsumerManager.java, ConsumerGroupInfo.java, DefaultConsumerIdsChangeListener.java.
 */
export class ConsumerManager {
  readonly #groups = new Map<string, GroupState>();
  readonly #deps: ConsumerManagerDeps;

  constructor(deps: ConsumerManagerDeps) {
    this.#deps = deps;
  }

  get(group: string): ConsumerGroup | undefined {
    return this.#groups.get(group);
  }

  /** Once each, although a client that has just reconnected may be there with both connections. */
  clientIds(group: string): string[] {
    const members = this.#groups.get(group)?.members.values() ?? [];
    return [...new Set([...members].map((member) => member.clientId))];
  }

  /** What a heartbeat says about one group. */
  register(channel: ClientChannel, client: ClientIdentity, consumer: ConsumerData): void {
    const name = consumer.groupName;
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = { messageModel: consumer.messageModel, subscriptions: new Map(), members: new Map() };
      this.#groups.set(name, group);
    }
    group.messageModel = consumer.messageModel;
    const hasJoined = group.members.get(channel)?.clientId !== client.clientId;
    const lastHeartbeatMs = this.#deps.clock.monotonicMs();
    group.members.set(channel, { ...client, channel, lastHeartbeatMs });
    const hasOtherTopics = this.#subscribe(name, group, consumer.subscriptionDataSet);
    if (hasJoined) {
      this.#deps.logger.info(`consumer ${client.clientId} joined group ${name}`, {
        peer: channel.peer,
        members: group.members.size,
      });
    }
    if (hasJoined || hasOtherTopics) this.#notify(name, group);
  }

  unregister(group: string, channel: ClientChannel): void {
    this.#remove(group, channel, 'left');
  }

  channelGone(channel: ClientChannel): void {
    for (const group of this.#groups.keys()) this.#remove(group, channel, 'lost its connection');
  }

  /** Drops members whose latest heartbeat is not after `sinceMs`, on the monotonic clock; returns their channels. */
  dropSilent(sinceMs: number): ClientChannel[] {
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
  #subscribe(name: string, group: GroupState, subscriptions: readonly SubscriptionData[]): boolean {
    let isChanged = false;
    for (const subscription of subscriptions) {
      const known = group.subscriptions.get(subscription.topic);
      if (known !== undefined && known.subVersion >= subscription.subVersion) continue;
      group.subscriptions.set(subscription.topic, subscription);
      if (known === undefined) isChanged = true;
      else if (known.subString !== subscription.subString) {
        this.#deps.logger.info(`group ${name} now subscribes otherwise to ${subscription.topic}`, {
          from: known.subString,
          to: subscription.subString,
        });
      }
    }
    const topics = new Set(subscriptions.map((subscription) => subscription.topic));
    for (const topic of group.subscriptions.keys()) {
      if (topics.has(topic)) continue;
      group.subscriptions.delete(topic);
      isChanged = true;
    }
    return isChanged;
  }

  #remove(name: string, channel: ClientChannel, why: string): void {
    const group = this.#groups.get(name);
    const member = group?.members.get(channel);
    if (group === undefined || member === undefined) return;
    group.members.delete(channel);
    this.#deps.logger.info(`consumer ${member.clientId} of group ${name} ${why}`, {
      peer: channel.peer,
      members: group.members.size,
    });
    if (group.members.size === 0) this.#groups.delete(name);
    else this.#notify(name, group);
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
