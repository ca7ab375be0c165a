import { describe, expect, it } from '@jest/globals';
import { RouteCache } from '../../../mq/client/route-cache.ts';
import {
  readableQueues,
  routeOfNewTopic,
  writableQueues,
} from '../../../mq/client/topic-queues.ts';
import type { TopicRouteData } from '../../../mq/protocol/route.ts';

function route(perm = 6): TopicRouteData {
  return {
    brokerDatas: [
      { cluster: 'c', brokerName: 'broker-b', brokerAddrs: new Map([[0, 'h:2']]) },
      { cluster: 'c', brokerName: 'broker-a', brokerAddrs: new Map([[1, 'h:1']]) },
    ],
    queueDatas: [
      { brokerName: 'broker-b', readQueueNums: 3, writeQueueNums: 2, perm, topicSysFlag: 0 },
      { brokerName: 'broker-a', readQueueNums: 1, writeQueueNums: 1, perm: 6, topicSysFlag: 0 },
    ],
  };
}

const ids = (queues: { brokerName: string; queueId: number }[]): string[] =>
  queues.map(({ brokerName, queueId }) => `${brokerName}:${queueId}`);

describe('queues of a topic', () => {
  it('are written on masters and read everywhere', () => {
    expect(ids(writableQueues('T', route()))).toEqual(['broker-b:0', 'broker-b:1']);
    expect(ids(readableQueues('T', route()))).toEqual([
      'broker-a:0',
      'broker-b:0',
      'broker-b:1',
      'broker-b:2',
    ]);
  });

  it('follow the permission bits', () => {
    expect(writableQueues('T', route(4))).toEqual([]);
    expect(ids(readableQueues('T', route(2)))).toEqual(['broker-a:0']);
  });

  it('are those of orderTopicConf when the topic has one', () => {
    const ordered = { ...route(), orderTopicConf: 'broker-z:2;broker-a:1;' };
    expect(ids(writableQueues('T', ordered))).toEqual(['broker-z:0', 'broker-z:1', 'broker-a:0']);
  });

  it('are as many as the producer asks for when a send creates the topic, at most what the broker gives', () => {
    expect(writableQueues('T', routeOfNewTopic(route(), 1))).toHaveLength(1);
    expect(writableQueues('T', routeOfNewTopic(route(), 9))).toHaveLength(2);
  });
});

describe('route cache', () => {
  it('tells whether a route differs, not counting the order of its parts', () => {
    const cache = new RouteCache();
    expect(cache.set('T', route())).toBe(true);
    const turned = { ...route(), brokerDatas: route().brokerDatas.toReversed() };
    expect(cache.set('T', turned)).toBe(false);
    expect(cache.set('T', route(4))).toBe(true);
    expect(cache.delete('T')).toBe(true);
    expect(cache.delete('T')).toBe(false);
  });

  it('knows masters, all addresses, and one address for each broker', () => {
    const cache = new RouteCache();
    cache.set('T', route());
    expect([...cache.masters()]).toEqual(['h:2']);
    expect([...cache.all()].toSorted()).toEqual(['h:1', 'h:2']);
    expect(cache.masterAddress('broker-a')).toBeUndefined();
    expect(cache.anyAddress('broker-a')).toBe('h:1');
    expect(cache.anyAddress('broker-z')).toBeUndefined();
  });
});
