import { encodeConsumerList } from '../../../mq/protocol/consumer-list.ts';
import { encodeRecord } from '../../../mq/protocol/message.ts';
import { encodeProperties } from '../../../mq/protocol/properties.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import {
  encodeClusterInfo,
  encodeTopicRoute,
  type TopicRouteData,
} from '../../../mq/protocol/route.ts';
import { ScriptedPeer } from './scripted-peer.ts';

export type Routes = Record<string, TopicRouteData>;

/** A route of one topic over brokers `broker-a`, `broker-b`, … in the order given. */
export function routeOver(
  peers: readonly ScriptedPeer[],
  queueCount = 1,
  perm = 6,
): TopicRouteData {
  const names = peers.map((_, index) => `broker-${String.fromCharCode(97 + index)}`);
  return {
    brokerDatas: peers.map((peer, index) => ({
      cluster: 'c',
      brokerName: names[index]!,
      brokerAddrs: new Map([[0, peer.address]]),
    })),
    queueDatas: names.map((brokerName) => ({
      brokerName,
      readQueueNums: queueCount,
      writeQueueNums: queueCount,
      perm,
      topicSysFlag: 0,
    })),
  };
}

/** A name server that tells these routes and their brokers; change the object to change what it tells. */
export async function scriptedNameServer(routes: Routes): Promise<ScriptedPeer> {
  const peer = await ScriptedPeer.listen();
  peer.on(RequestCode.GET_BROKER_CLUSTER_INFO, (_request, reply) => {
    const brokers = Object.values(routes).flatMap(({ brokerDatas }) => brokerDatas);
    const brokerAddrTable = new Map(brokers.map((broker) => [broker.brokerName, broker]));
    const clusterAddrTable = new Map([['c', [...brokerAddrTable.keys()]]]);
    reply({ code: 0, body: encodeClusterInfo({ brokerAddrTable, clusterAddrTable }) });
  });
  return peer.on(RequestCode.GET_ROUTEINFO_BY_TOPIC, (request, reply) => {
    const route = routes[request.extFields?.['topic'] ?? ''];
    if (route === undefined) reply({ code: ResponseCode.TOPIC_NOT_EXIST, remark: 'No route' });
    else reply({ code: 0, body: encodeTopicRoute(route) });
  });
}

export const stored = { msgId: '7F000001000051AF0000000000000000', queueId: '0', queueOffset: '7' };

/** A broker that takes heartbeats, sends and progress, holds every pull for ever, and lists the client that asks. */
export async function scriptedBroker(): Promise<ScriptedPeer> {
  const peer = await ScriptedPeer.listen();
  let clientId = '';
  peer.on(RequestCode.HEART_BEAT, (request, reply) => {
    clientId = (JSON.parse(request.body!.toString()) as { clientID: string }).clientID;
    reply({ code: 0 });
  });
  peer.on(RequestCode.GET_CONSUMER_LIST_BY_GROUP, (_request, reply) => {
    reply({ code: 0, body: encodeConsumerList([clientId]) });
  });
  peer.on(RequestCode.PULL_MESSAGE, () => undefined);
  return peer
    .answer(RequestCode.UNREGISTER_CLIENT)
    .answer(RequestCode.UPDATE_CONSUMER_OFFSET)
    .answer(RequestCode.CONSUMER_SEND_MSG_BACK)
    .answer(RequestCode.QUERY_CONSUMER_OFFSET, { extFields: { offset: '0' } })
    .answer(RequestCode.GET_MAX_OFFSET, { extFields: { offset: '0' } })
    .answer(RequestCode.SEND_MESSAGE_V2, { extFields: stored })
    .answer(RequestCode.SEND_BATCH_MESSAGE, { extFields: stored });
}

export interface RecordOptions {
  topic?: string;
  queueOffset: number;
  body?: Buffer | string;
  properties?: Record<string, string>;
  sysFlag?: number;
  reconsumeTimes?: number;
}

export function record(options: RecordOptions): Buffer {
  const host = { address: '127.0.0.1', port: 10911 };
  return encodeRecord({
    topic: options.topic ?? 'T',
    queueId: 0,
    flag: 0,
    queueOffset: options.queueOffset,
    commitLogOffset: options.queueOffset * 1000,
    sysFlag: options.sysFlag ?? 0,
    bornTimestamp: 1,
    bornHost: host,
    storeTimestamp: 2,
    storeHost: host,
    reconsumeTimes: options.reconsumeTimes ?? 0,
    preparedTransactionOffset: 0,
    body: Buffer.from(options.body ?? 'hello'),
    propertiesString: encodeProperties(
      new Map(Object.entries(options.properties ?? { UNIQ_KEY: `id-${options.queueOffset}` })),
    ),
  });
}

export interface PullReply {
  code?: number;
  next: number;
  min?: number;
  max?: number;
  body?: Buffer;
}

/** The parts of a reply to PULL_MESSAGE. */
export function pullReply({ code = 0, next, min = 0, max = next, body }: PullReply) {
  return {
    code,
    body,
    extFields: {
      suggestWhichBrokerId: '0',
      nextBeginOffset: String(next),
      minOffset: String(min),
      maxOffset: String(max),
    },
  };
}

/** Serves pulls of queue 0 of a topic from a list of records by offset, and holds a pull at its end. */
export function servePulls(peer: ScriptedPeer, records: readonly Buffer[], topic = 'T'): void {
  peer.on(RequestCode.PULL_MESSAGE, (request, reply) => {
    if (request.extFields?.['topic'] !== topic) return;
    const from = Number(request.extFields['queueOffset']);
    const rest = records.slice(from);
    if (rest.length > 0) {
      reply(pullReply({ next: records.length, body: Buffer.concat(rest) }));
    }
  });
}
