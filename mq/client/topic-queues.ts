import { compareQueues, type MessageQueue } from '../protocol/message-queue.ts';
import {
  MASTER_ID,
  orderedQueueCounts,
  type BrokerData,
  type TopicRouteData,
} from '../protocol/route.ts';
import { Permission } from '../protocol/sys-flag.ts';

/**
 * The queues a producer may write to: those of brokers that have the write permission and a living master. A topic with
 * an orderTopicConf has exactly the queues listed there, so that keys keep their queue while a broker is down.
 */
export function writableQueues(topic: string, route: TopicRouteData): MessageQueue[] {
  const ordered = orderedQueueCounts(route).flatMap(([brokerName, queueCount]) =>
    numbered(topic, brokerName, queueCount),
  );
  if (ordered.length > 0) return ordered;
  const withMaster = new Set(
    route.brokerDatas
      .filter((broker) => broker.brokerAddrs.has(MASTER_ID))
      .map((broker) => broker.brokerName),
  );
  return route.queueDatas
    .filter(({ perm, brokerName }) => (perm & Permission.WRITE) !== 0 && withMaster.has(brokerName))
    .flatMap(({ brokerName, writeQueueNums }) => numbered(topic, brokerName, writeQueueNums))
    .toSorted(compareQueues);
}

/** The queues a consumer group shares out. A broker without a master counts: its slaves can be read. */
export function readableQueues(topic: string, route: TopicRouteData): MessageQueue[] {
  return route.queueDatas
    .filter(({ perm }) => (perm & Permission.READ) !== 0)
    .flatMap(({ brokerName, readQueueNums }) => numbered(topic, brokerName, readQueueNums))
    .toSorted(compareQueues);
}

/**
 * What a topic that does not exist yet will look like once a send has created it: the route of the auto-create topic
 * with no more queues a broker than the producer asks for.
 */
export function routeOfNewTopic(template: TopicRouteData, queueNums: number): TopicRouteData {
  return {
    brokerDatas: template.brokerDatas,
    queueDatas: template.queueDatas.map((queues) => ({
      ...queues,
      readQueueNums: Math.min(queueNums, queues.readQueueNums),
      writeQueueNums: Math.min(queueNums, queues.writeQueueNums),
    })),
  };
}

/** The master, else the slave with the lowest id: who answers questions that any replica can. */
export function anyAddress(broker: BrokerData): string | undefined {
  const master = broker.brokerAddrs.get(MASTER_ID);
  if (master !== undefined) return master;
  const lowest = [...broker.brokerAddrs.keys()].toSorted((a, b) => a - b)[0];
  return lowest === undefined ? undefined : broker.brokerAddrs.get(lowest);
}

function numbered(topic: string, brokerName: string, count: number): MessageQueue[] {
  return Array.from({ length: Math.max(count, 0) }, (_, queueId) => ({
    topic,
    brokerName,
    queueId,
  }));
}
