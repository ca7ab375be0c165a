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

/** Errors: INVALID_ARGUMENT naming the field. */
export function decodeTopicRoute(body: Buffer | undefined): TopicRouteData {
  const json = JsonBody.parse(body, 'TopicRouteData');
  const orderTopicConf = json.optionalString('orderTopicConf');
  return {
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
