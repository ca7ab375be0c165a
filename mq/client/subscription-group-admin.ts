import { MqError } from '../errors.ts';
import { assertGroupName } from '../protocol/names.ts';
import { deleteSubscriptiongroup } from '../protocol/requests/delete-subscriptiongroup.ts';
import { getAllSubscriptiongroupConfig } from '../protocol/requests/get-all-subscriptiongroup-config.ts';
import { updateAndCreateSubscriptiongroup } from '../protocol/requests/update-and-create-subscriptiongroup.ts';
import {
  decodeSubscriptionGroupTable,
  defaultGroupSettings,
  encodeSubscriptionGroup,
  type SubscriptionGroupConfig,
} from '../protocol/subscription-group.ts';
import { wholeNumber } from './client-options.ts';
import type { ClusterView } from './cluster-view.ts';
import type { MqClient } from './mq-client.ts';

type GroupSettings = Omit<SubscriptionGroupConfig, 'groupName'>;

export interface SubscriptionGroupOptions extends Partial<GroupSettings> {
  consumerGroup: string;
  /** Default: every cluster the name servers know. */
  cluster?: string;
}

/** A group's settings on one broker; nothing keeps the brokers of a cluster from differing. */
export interface BrokerSubscriptionGroup extends SubscriptionGroupConfig {
  readonly brokerName: string;
}

/** What an Admin does about the settings of consumer groups. */
export class SubscriptionGroupAdmin {
  readonly #client: MqClient;
  readonly #cluster: ClusterView;

  constructor(client: MqClient, cluster: ClusterView) {
    this.#client = client;
    this.#cluster = cluster;
  }

  async update({ consumerGroup, cluster, ...settings }: SubscriptionGroupOptions): Promise<void> {
    assertGroupName(consumerGroup);
    const given = checked(settings);
    for (const { address } of await this.#cluster.masters(cluster)) {
      const existing = (await this.#groupsOf(address)).get(consumerGroup);
      const config = {
        ...defaultGroupSettings,
        ...existing,
        ...given,
        groupName: consumerGroup,
      };
      await this.#client.call(
        address,
        updateAndCreateSubscriptiongroup,
        {},
        { body: encodeSubscriptionGroup(config) },
      );
    }
  }

  async list(): Promise<BrokerSubscriptionGroup[]> {
    const perBroker = await Promise.all(
      (await this.#cluster.masters()).map(async ({ brokerName, address }) =>
        Array.from((await this.#groupsOf(address)).values(), (config) => ({
          ...config,
          brokerName,
        })),
      ),
    );
    return perBroker
      .flat()
      .toSorted(
        (left, right) =>
          compareText(left.groupName, right.groupName) ||
          compareText(left.brokerName, right.brokerName),
      );
  }

  async delete(
    consumerGroup: string,
    { cleanOffset = false, cluster }: { cleanOffset?: boolean; cluster?: string },
  ): Promise<void> {
    assertGroupName(consumerGroup);
    for (const { address } of await this.#cluster.masters(cluster)) {
      await this.#client.call(address, deleteSubscriptiongroup, {
        groupName: consumerGroup,
        cleanOffset,
        removeOffset: cleanOffset,
      });
    }
  }

  async #groupsOf(address: string): Promise<Map<string, SubscriptionGroupConfig>> {
    const { body } = await this.#client.call(address, getAllSubscriptiongroupConfig, {});
    return decodeSubscriptionGroupTable(body).subscriptionGroupTable;
  }
}

/** What was given, without what was given as undefined. Errors: CONFIG_INVALID naming what cannot be a group's. */
function checked(settings: Partial<GroupSettings>): Partial<GroupSettings> {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    const usual: unknown = Object.entries(defaultGroupSettings).find(([key]) => key === name)?.[1];
    if (usual === undefined) {
      throw new MqError('CONFIG_INVALID', `${name} is no setting of a group`);
    }
    if (typeof value !== typeof usual) {
      throw new MqError('CONFIG_INVALID', `${name} is ${value}, it must be a ${typeof usual}`);
    }
    if (typeof value === 'number') wholeNumber(name, value);
  }
  return Object.fromEntries(given) as Partial<GroupSettings>;
}

function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
