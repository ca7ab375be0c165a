import { MqError } from '../errors.ts';
import type { MessageQueue } from '../protocol/message-queue.ts';
import { getBrokerClusterInfo } from '../protocol/requests/get-broker-cluster-info.ts';
import { getRouteinfoByTopic } from '../protocol/requests/get-routeinfo-by-topic.ts';
import {
  decodeClusterInfo,
  decodeTopicRoute,
  MASTER_ID,
  type ClusterInfo,
  type TopicRouteData,
} from '../protocol/route.ts';
import type { MqClient } from './mq-client.ts';
import { anyAddress } from './topic-queues.ts';

export interface BrokerAddress {
  brokerName: string;
  address: string;
}

/**
 * Brokers and routes as the name servers know them now. Every call asks anew; nothing is cached.
 *
 * Errors: of every call, those of `MqClient.callNameServer`.
 */
export class ClusterView {
  readonly #client: MqClient;

  constructor(client: MqClient) {
    this.#client = client;
  }

  /** undefined when no broker has the topic. */
  async topicRoute(topic: string): Promise<TopicRouteData | undefined> {
    try {
      const { body } = await this.#client.callNameServer(getRouteinfoByTopic, {
        topic,
        acceptStandardJsonOnly: true,
      });
      return decodeTopicRoute(body);
    } catch (error) {
      if (MqError.is(error) && error.code === 'TOPIC_NOT_EXIST') return undefined;
      throw error;
    }
  }

  /** Errors: NO_ROUTE. */
  async route(topic: string): Promise<TopicRouteData> {
    const route = await this.topicRoute(topic);
    if (route !== undefined) return route;
    throw new MqError('NO_ROUTE', `topic ${topic} does not exist on any broker`, {
      details: { topic },
    });
  }

  async clusterInfo(): Promise<ClusterInfo> {
    const { body } = await this.#client.callNameServer(getBrokerClusterInfo, {});
    return decodeClusterInfo(body);
  }

  /** Whom to ask about a queue: its broker's master, a slave when there is none. Errors: NO_ROUTE. */
  async addressOf({ topic, brokerName }: MessageQueue): Promise<string> {
    const { brokerDatas } = await this.route(topic);
    const broker = brokerDatas.find((data) => data.brokerName === brokerName);
    const address = broker && anyAddress(broker);
    if (address !== undefined) return address;
    throw new MqError('NO_ROUTE', `topic ${topic} is not on a broker named ${brokerName}`, {
      details: { topic, brokerName },
    });
  }

  /** The masters of one cluster, or of all. Errors: NO_ROUTE when there is none. */
  async masters(cluster?: string): Promise<BrokerAddress[]> {
    const { brokerAddrTable, clusterAddrTable } = await this.clusterInfo();
    const names =
      cluster === undefined ? [...brokerAddrTable.keys()] : (clusterAddrTable.get(cluster) ?? []);
    const masters = names.flatMap((brokerName) => {
      const address = brokerAddrTable.get(brokerName)?.brokerAddrs.get(MASTER_ID);
      return address === undefined ? [] : [{ brokerName, address }];
    });
    if (masters.length > 0) return masters;
    throw new MqError(
      'NO_ROUTE',
      cluster === undefined
        ? 'the name server knows no master broker'
        : `cluster ${cluster} has no master broker; there are: ${[...clusterAddrTable.keys()].join(', ')}`,
      { retriable: true },
    );
  }
}
