import { compareText } from '../protocol/message-queue.ts';
import { MASTER_ID, type BrokerData, type TopicRouteData } from '../protocol/route.ts';
import { anyAddress } from './topic-queues.ts';

/**
 * The routes this client works with, and the broker addresses that follow from them.
 *
 * A route stays until a name server says something else about its topic: while no name server answers, clients carry on
 * with what they have.
 */
export class RouteCache {
  readonly #routes = new Map<string, { route: TopicRouteData; fingerprint: string }>();

  get(topic: string): TopicRouteData | undefined {
    return this.#routes.get(topic)?.route;
  }

  /** Returns true when this differs from what was known, in more than the order of its parts. */
  set(topic: string, route: TopicRouteData): boolean {
    const fingerprint = fingerprintOf(route);
    if (this.#routes.get(topic)?.fingerprint === fingerprint) return false;
    this.#routes.set(topic, { route, fingerprint });
    return true;
  }

  /** Returns true when there was a route to forget. */
  delete(topic: string): boolean {
    return this.#routes.delete(topic);
  }

  /** The broker's data from any topic that is routed to it. */
  broker(brokerName: string): BrokerData | undefined {
    for (const { route } of this.#routes.values()) {
      const found = route.brokerDatas.find((broker) => broker.brokerName === brokerName);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  masterAddress(brokerName: string): string | undefined {
    return this.broker(brokerName)?.brokerAddrs.get(MASTER_ID);
  }

  anyAddress(brokerName: string): string | undefined {
    const broker = this.broker(brokerName);
    return broker === undefined ? undefined : anyAddress(broker);
  }

  masters(): Set<string> {
    return this.#addresses((id) => id === MASTER_ID);
  }

  all(): Set<string> {
    return this.#addresses(() => true);
  }

  #addresses(wanted: (brokerId: number) => boolean): Set<string> {
    const addresses = new Set<string>();
    for (const { route } of this.#routes.values()) {
      for (const { brokerAddrs } of route.brokerDatas) {
        for (const [id, address] of brokerAddrs) if (wanted(id)) addresses.add(address);
      }
    }
    return addresses;
  }
}

function fingerprintOf(route: TopicRouteData): string {
  const brokers = route.brokerDatas
    .toSorted((a, b) => compareText(a.brokerName, b.brokerName))
    .map((broker) => [
      broker.brokerName,
      [...broker.brokerAddrs].toSorted(([idA], [idB]) => idA - idB),
    ]);
  const queues = route.queueDatas
    .toSorted((a, b) => compareText(a.brokerName, b.brokerName))
    .map((q) => [q.brokerName, q.readQueueNums, q.writeQueueNums, q.perm, q.topicSysFlag]);
  return JSON.stringify([brokers, queues, route.orderTopicConf]);
}
