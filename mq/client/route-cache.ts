import { MqError } from '../errors.ts';
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
  /** By name, as the route that was confirmed last has each; undefined until asked for when routes have come or gone. */
  #brokers: Map<string, BrokerData> | undefined;

  get(topic: string): TopicRouteData | undefined {
    return this.#routes.get(topic)?.route;
  }

  /** Tells two routes of a topic apart, whatever the order of their parts. */
  fingerprint(topic: string): string | undefined {
    return this.#routes.get(topic)?.fingerprint;
  }

  /** Returns true when this differs from what was known, in more than the order of its parts. */
  set(topic: string, route: TopicRouteData): boolean {
    const fingerprint = fingerprintOf(route);
    const isChange = this.#routes.get(topic)?.fingerprint !== fingerprint;
    this.#routes.delete(topic);
    this.#routes.set(topic, { route, fingerprint });
    if (isChange) this.#brokers = undefined;
    else if (this.#brokers !== undefined) noteBrokers(this.#brokers, route);
    return isChange;
  }

  /** Returns true when there was a route to forget. */
  delete(topic: string): boolean {
    const isGone = this.#routes.delete(topic);
    if (isGone) this.#brokers = undefined;
    return isGone;
  }

  /** The broker's data from the newest of the routes that lead to it: a broker that moved has moved for all topics. */
  broker(brokerName: string): BrokerData | undefined {
    this.#brokers ??= this.#findBrokers();
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

  #findBrokers(): Map<string, BrokerData> {
    const brokers = new Map<string, BrokerData>();
    for (const { route } of this.#routes.values()) noteBrokers(brokers, route);
    return brokers;
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

function noteBrokers(brokers: Map<string, BrokerData>, { brokerDatas }: TopicRouteData): void {
  for (const broker of brokerDatas) brokers.set(broker.brokerName, broker);
}

export function noRouteTo(brokerName: string): MqError {
  return new MqError('NO_ROUTE', `broker ${brokerName} is in no route`, {
    retriable: true,
    details: { brokerName },
  });
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
