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
  /** In the order in which the name server confirmed them. */
  readonly #routes = new Map<string, { route: TopicRouteData; fingerprint: string }>();
  /** By name, as the route that was confirmed last has each. */
  readonly #brokers = new Map<string, BrokerData>();

  get(topic: string): TopicRouteData | undefined {
    return this.#routes.get(topic)?.route;
  }

  /** Returns true when this differs from what was known, in more than the order of its parts. */
  set(topic: string, route: TopicRouteData): boolean {
    const fingerprint = fingerprintOf(route);
    const isChange = this.#routes.get(topic)?.fingerprint !== fingerprint;
    this.#routes.delete(topic);
    this.#routes.set(topic, { route, fingerprint });
    if (isChange) this.#findBrokers();
    else this.#note(route);
    return isChange;
  }

  /** Returns true when there was a route to forget. */
  delete(topic: string): boolean {
    const isGone = this.#routes.delete(topic);
    if (isGone) this.#findBrokers();
    return isGone;
  }

  /** The broker's data from the newest of the routes that lead to it: a broker that moved has moved for all topics. */
  broker(brokerName: string): BrokerData | undefined {
    return this.#brokers.get(brokerName);
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

  #findBrokers(): void {
    this.#brokers.clear();
    for (const { route } of this.#routes.values()) this.#note(route);
  }

  #note({ brokerDatas }: TopicRouteData): void {
    for (const broker of brokerDatas) this.#brokers.set(broker.brokerName, broker);
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
