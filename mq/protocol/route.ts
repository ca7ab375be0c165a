import { MqError } from '../errors.ts';
import type { JsonSource } from './fast-json.ts';
import { encodeJsonBody, JsonBody } from './json-body.ts';

/** Where one broker name can be dialled. */
export interface BrokerData {
  cluster: string;
  brokerName: string;
  /** brokerId → `ip:port`; id 0 is the master, the only one that producers use. */
  brokerAddrs: Map<number, string>;
}

/** How many queues of a topic one broker name has. */
export interface QueueData {
  brokerName: string;
  readQueueNums: number;
  writeQueueNums: number;
  /** Bits of `Permission`. */
  perm: number;
  topicSysFlag: number;
}

/** The body of a GET_ROUTEINFO_BY_TOPIC reply. */
export interface TopicRouteData {
  brokerDatas: BrokerData[];
  queueDatas: QueueData[];
  /** `broker-a:4;broker-b:4`, for topics that keep a global order. */
  orderTopicConf?: string | undefined;
}

/** The body of a GET_BROKER_CLUSTER_INFO reply. */
export interface ClusterInfo {
  brokerAddrTable: Map<string, BrokerData>;
  /** cluster name → broker names */
  clusterAddrTable: Map<string, string[]>;
}

export const MASTER_ID = 0;

/** Of one topic on all its brokers. Whoever reads a route makes an object of each, so nobody may say a thousand million. */
const MAX_QUEUES = 262_144;

export function encodeTopicRoute(route: TopicRouteData): Buffer {
  return encodeJsonBody({
    brokerDatas: route.brokerDatas.map(brokerDataJson),
    filterServerTable: {},
    orderTopicConf: route.orderTopicConf,
    queueDatas: route.queueDatas.map((queues) => ({
      brokerName: queues.brokerName,
      perm: queues.perm,
      readQueueNums: queues.readQueueNums,
      topicSysFlag: queues.topicSysFlag,
      writeQueueNums: queues.writeQueueNums,
    })),
  });
}

/** Errors: INVALID_ARGUMENT naming the field, or saying that there are more queues than any topic has. */
export function decodeTopicRoute(body: Buffer | undefined): TopicRouteData {
  const json = JsonBody.parse(body, 'TopicRouteData');
  const orderTopicConf = json.optionalString('orderTopicConf');
  const route: TopicRouteData = {
    brokerDatas: json.objects('brokerDatas').map(readBrokerData),
    queueDatas: json.objects('queueDatas').map((queues) => ({
      brokerName: queues.string('brokerName'),
      readQueueNums: queues.integer('readQueueNums'),
      writeQueueNums: queues.integer('writeQueueNums'),
      perm: queues.integer('perm'),
      topicSysFlag: queues.integer('topicSysFlag', 0),
    })),
    ...(orderTopicConf !== undefined && { orderTopicConf }),
  };
  assertBounded(route);
  return route;
}

/** What orderTopicConf lists, as `broker-a:4;broker-b:4`; entries that say nothing of the kind are passed over. */
export function orderedQueueCounts({
  orderTopicConf = '',
}: Pick<TopicRouteData, 'orderTopicConf'>): [brokerName: string, queueCount: number][] {
  return orderTopicConf.split(';').flatMap((entry): [string, number][] => {
    const [brokerName, count] = entry.split(':');
    const queueCount = Number(count);
    return brokerName !== undefined && brokerName !== '' && Number.isInteger(queueCount)
      ? [[brokerName, Math.max(0, queueCount)]]
      : [];
  });
}

function assertBounded(route: TopicRouteData): void {
  const counts = {
    readQueueNums: route.queueDatas.map(({ readQueueNums }) => readQueueNums),
    writeQueueNums: route.queueDatas.map(({ writeQueueNums }) => writeQueueNums),
    orderTopicConf: orderedQueueCounts(route).map(([, queueCount]) => queueCount),
  };
  for (const [field, each] of Object.entries(counts)) {
    const total = each.reduce((sum, count) => sum + Math.max(0, count), 0);
    if (total <= MAX_QUEUES) continue;
    throw new MqError(
      'INVALID_ARGUMENT',
      `TopicRouteData.${field} adds up to ${total} queues, the limit is ${MAX_QUEUES}`,
      { details: { field, total, limit: MAX_QUEUES } },
    );
  }
}

export function encodeClusterInfo(info: ClusterInfo): Buffer {
  return encodeJsonBody({
    brokerAddrTable: new Map(
      [...info.brokerAddrTable].map(([name, broker]) => [name, brokerDataJson(broker)]),
    ),
    clusterAddrTable: info.clusterAddrTable,
  });
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function decodeClusterInfo(body: Buffer | undefined): ClusterInfo {
  const json = JsonBody.parse(body, 'ClusterInfo');
  return {
    brokerAddrTable: new Map(
      json.objectEntries('brokerAddrTable').map(([name, broker]) => [name, readBrokerData(broker)]),
    ),
    clusterAddrTable: new Map(json.stringListEntries('clusterAddrTable')),
  };
}

function brokerDataJson(broker: BrokerData): JsonSource {
  return {
    brokerAddrs: broker.brokerAddrs,
    brokerName: broker.brokerName,
    cluster: broker.cluster,
  };
}

function readBrokerData(json: JsonBody): BrokerData {
  return {
    cluster: json.optionalString('cluster') ?? '',
    brokerName: json.string('brokerName'),
    brokerAddrs: new Map(
      json.stringEntries('brokerAddrs').map(([id, address]) => [Number(id), address]),
    ),
  };
}
