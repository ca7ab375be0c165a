import { describe, expect, it } from '@jest/globals';
import {
  decodeClusterInfo,
  decodeTopicRoute,
  encodeClusterInfo,
  encodeTopicRoute,
  type TopicRouteData,
} from '../../../mq/protocol/route.ts';
import { readGoldens } from '../../support/goldens.ts';

const route: TopicRouteData = {
  brokerDatas: [
    {
      cluster: 'c1',
      brokerName: 'broker-a',
      brokerAddrs: new Map([
        [0, '192.0.2.9:10911'],
        [1, '192.0.2.10:10911'],
      ]),
    },
  ],
  queueDatas: [
    { brokerName: 'broker-a', readQueueNums: 4, writeQueueNums: 8, perm: 6, topicSysFlag: 0 },
  ],
};

describe('a topic route', () => {
  it('is written without blanks and with quoted broker ids, which the Go client cuts out of the text', () => {
    const text = encodeTopicRoute(route).toString();
    expect(text).toContain('"brokerAddrs":{"0":"192.0.2.9:10911","1":"192.0.2.10:10911"}');
    expect(text).not.toMatch(/\s/);
    expect(text).not.toContain('orderTopicConf');
    expect(decodeTopicRoute(Buffer.from(text))).toEqual(route);
  });

  it('may say how an ordered topic is laid out', () => {
    const ordered = { ...route, orderTopicConf: 'broker-a:4;broker-b:4' };
    expect(decodeTopicRoute(encodeTopicRoute(ordered))).toEqual(ordered);
  });

  it('of an older Java name server has unquoted broker ids', () => {
    const text = encodeTopicRoute(route).toString().replace('"0":', '0:').replace('"1":', '1:');
    expect(text).toContain('{0:"192.0.2.9:10911",1:"192.0.2.10:10911"}');
    expect(decodeTopicRoute(Buffer.from(text))).toEqual(route);
  });

  it('of a newer name server may say more than is read', () => {
    const text =
      '{"brokerDatas":[{"brokerAddrs":{"0":"a:1"},"brokerName":"b","cluster":"c","enableActingMaster":false,' +
      '"zoneName":"z"}],"filterServerTable":{},"queueDatas":[],"topicQueueMappingByBroker":null}';
    expect(decodeTopicRoute(Buffer.from(text)).brokerDatas).toEqual([
      { cluster: 'c', brokerName: 'b', brokerAddrs: new Map([[0, 'a:1']]) },
    ]);
  });

  it.each([
    ['no body', '', 'TopicRouteData: the body is missing'],
    ['text that is not JSON', '<html>', 'TopicRouteData: JSON at character 0'],
    ['a list', '[]', 'TopicRouteData is [], not an object'],
    [
      'a queue count that is text',
      '{"queueDatas":[{"brokerName":"b","readQueueNums":"four"}]}',
      'TopicRouteData.queueDatas[0].readQueueNums is "four", not an integer',
    ],
    [
      'no broker name',
      '{"brokerDatas":[{"brokerAddrs":{}}]}',
      'TopicRouteData.brokerDatas[0].brokerName is missing',
    ],
    [
      'brokers that are no list',
      '{"brokerDatas":{}}',
      'TopicRouteData.brokerDatas is {}, not a list',
    ],
    [
      'an address that is an object',
      '{"brokerDatas":[{"brokerName":"b","brokerAddrs":{"0":{}}}]}',
      'TopicRouteData.brokerDatas[0].brokerAddrs.0 is {}, not a string',
    ],
    [
      'more queues than any topic has',
      '{"queueDatas":[{"brokerName":"b","readQueueNums":4,"writeQueueNums":2147483647,"perm":6}]}',
      'TopicRouteData.writeQueueNums adds up to 2147483647 queues, the limit is 262144',
    ],
    [
      'more queues than any topic has, on several brokers',
      '{"queueDatas":[{"brokerName":"a","readQueueNums":262140,"writeQueueNums":0,"perm":6},{"brokerName":"b","readQueueNums":5,"writeQueueNums":0,"perm":6}]}',
      'TopicRouteData.readQueueNums adds up to 262145 queues',
    ],
    [
      'an order of more queues than any topic has',
      '{"orderTopicConf":"a:1;b:1e9","queueDatas":[]}',
      'TopicRouteData.orderTopicConf adds up to 1000000001 queues',
    ],
  ])('is refused with %s, naming the place', (_, text, reason) => {
    expect(() => decodeTopicRoute(Buffer.from(text))).toThrow(reason);
  });
});

describe('cluster info', () => {
  it.each(['java-4.9.8', 'java-5.5.0'] as const)('of %s is read', (maker) => {
    const info = decodeClusterInfo(readGoldens(maker)('cluster info'));
    expect(info).toEqual({
      brokerAddrTable: new Map([['broker-a', route.brokerDatas[0]]]),
      clusterAddrTable: new Map([['c1', ['broker-a']]]),
    });
    expect(decodeClusterInfo(encodeClusterInfo(info))).toEqual(info);
  });

  it('of an empty cluster has empty tables', () => {
    const empty = { brokerAddrTable: new Map(), clusterAddrTable: new Map() };
    expect(encodeClusterInfo(empty).toString()).toBe(
      '{"brokerAddrTable":{},"clusterAddrTable":{}}',
    );
    expect(decodeClusterInfo(Buffer.from('{}'))).toEqual(empty);
  });
});
