import { describe, expect, it } from '@jest/globals';
import { topicConfig } from '../../../mq/broker/topic-configs.ts';
import { RouteInfo, type Registration } from '../../../mq/namesrv/route-info.ts';
import type { TopicConfigTable } from '../../../mq/protocol/topic-config.ts';

function table(counter: number, ...topics: string[]): TopicConfigTable {
  return {
    dataVersion: { stateVersion: 0, timestamp: 1, counter },
    topicConfigTable: new Map(topics.map((topicName) => [topicName, topicConfig(topicName, 4, 6)])),
  };
}

function broker(more: Partial<Registration> = {}): Registration {
  return {
    clusterName: 'C1',
    brokerName: 'broker-a',
    brokerId: 0,
    brokerAddr: '10.0.0.1:10911',
    haServerAddr: '10.0.0.1:10912',
    table: table(1, 'T'),
    isWholeTable: false,
    channelId: 1,
    expiryMs: 120_000,
    ...more,
  };
}

const slave = { brokerId: 1, brokerAddr: '10.0.0.2:10911', channelId: 2 };

function addresses(routes: RouteInfo, topic: string): [number, string][] {
  return routes.route(topic)?.brokerDatas.flatMap(({ brokerAddrs }) => [...brokerAddrs]) ?? [];
}

describe('registering', () => {
  it('makes the topics of a master routable', () => {
    const routes = new RouteInfo();
    expect(routes.route('T')).toBeUndefined();
    expect(routes.register(broker(), 0)).toEqual({ displaced: [], isNew: true, master: undefined });
    expect(routes.route('T')).toEqual({
      brokerDatas: [
        { cluster: 'C1', brokerName: 'broker-a', brokerAddrs: new Map([[0, '10.0.0.1:10911']]) },
      ],
      queueDatas: [
        { brokerName: 'broker-a', readQueueNums: 4, writeQueueNums: 4, perm: 6, topicSysFlag: 0 },
      ],
    });
    expect(routes.register(broker(), 1).isNew).toBe(false);
  });

  it('adds a slave as an address, and its topics to nothing: queues come from the master', () => {
    const routes = new RouteInfo();
    const alone = routes.register(broker({ ...slave, table: table(9, 'T', 'OnlySlave') }), 0);
    expect(alone.master).toBeUndefined();
    expect(routes.topics()).toEqual([]);
    routes.register(broker(), 0);
    const outcome = routes.register(broker({ ...slave, table: table(9, 'OnlySlave') }), 0);
    expect(outcome.master).toEqual({
      brokerAddr: '10.0.0.1:10911',
      haServerAddr: '10.0.0.1:10912',
    });
    expect(routes.topics()).toEqual(['T']);
    expect(addresses(routes, 'T')).toEqual([
      [0, '10.0.0.1:10911'],
      [1, '10.0.0.2:10911'],
    ]);
  });

  it('reads the topic table again only when its version changed', () => {
    const routes = new RouteInfo();
    routes.register(broker(), 0);
    const wider = table(1, 'T');
    wider.topicConfigTable.get('T')!.writeQueueNums = 16;
    routes.register(broker({ table: wider }), 1);
    expect(routes.route('T')!.queueDatas[0]!.writeQueueNums).toBe(4);
    const dataVersion = { ...wider.dataVersion, counter: 2 };
    routes.register(broker({ table: { ...wider, dataVersion } }), 2);
    expect(routes.route('T')!.queueDatas[0]!.writeQueueNums).toBe(16);
  });

  it('keeps the topics that a partial table does not mention', () => {
    const routes = new RouteInfo();
    routes.register(broker({ table: table(1, 'T', 'U') }), 0);
    routes.register(broker({ table: table(2, 'V') }), 1);
    expect(routes.topics()).toEqual(['T', 'U', 'V']);
  });

  it('takes all topics of a broker whose first words after a restart of the name server were about one', () => {
    const routes = new RouteInfo();
    routes.register(broker({ table: table(7, 'New') }), 0);
    routes.register(broker({ table: table(7, 'T', 'U', 'New') }), 1);
    expect(routes.topics()).toEqual(['New', 'T', 'U']);
  });

  it('loses the topics that a whole table lacks, and no other broker loses them', () => {
    const routes = new RouteInfo();
    const other = { brokerName: 'broker-b', brokerAddr: '10.0.0.3:10911' };
    routes.register(broker({ table: table(1, 'T', 'U', 'OnlyA') }), 0);
    routes.register(broker({ ...other, table: table(1, 'T', 'U') }), 0);
    routes.register(broker({ table: table(2, 'U'), isWholeTable: true }), 1);
    expect(routes.topics()).toEqual(['T', 'U']);
    expect(routes.route('T')!.queueDatas.map(({ brokerName }) => brokerName)).toEqual(['broker-b']);
    expect(routes.route('U')!.queueDatas).toHaveLength(2);
    routes.register(broker({ ...slave, table: table(2), isWholeTable: true }), 2);
    expect(routes.route('U')!.queueDatas).toHaveLength(2);
  });

  it('brings back a topic that was deleted here only, whatever version its table has', () => {
    const routes = new RouteInfo();
    routes.register(broker({ table: table(1, 'T', 'U') }), 0);
    routes.deleteTopic('T');
    expect(routes.topics()).toEqual(['U']);
    routes.register(broker({ table: table(1, 'T', 'U') }), 1);
    expect(routes.topics()).toEqual(['U', 'T']);
  });

  it('under another id takes the address away from the id before', () => {
    const routes = new RouteInfo();
    routes.register(broker(), 0);
    routes.register(broker(slave), 0);
    const { displaced } = routes.register(broker({ ...slave, brokerId: 0, channelId: 3 }), 1);
    expect(displaced.map(({ brokerId, brokerAddr }) => [brokerId, brokerAddr])).toEqual([
      [0, '10.0.0.1:10911'],
      [1, '10.0.0.2:10911'],
    ]);
    expect(addresses(routes, 'T')).toEqual([[0, '10.0.0.2:10911']]);
  });

  it('under another name leaves nothing of the name before', () => {
    const routes = new RouteInfo();
    routes.register(broker(), 0);
    routes.register(broker({ brokerName: 'broker-b', table: table(1, 'U') }), 1);
    expect(routes.topics()).toEqual(['U']);
    expect([...routes.clusterInfo().brokerAddrTable.keys()]).toEqual(['broker-b']);
  });
});

describe('a broker is gone', () => {
  it('when it unregisters, which it may do twice', () => {
    const routes = new RouteInfo();
    routes.register(broker(), 0);
    expect(routes.unregister(broker({ brokerName: 'another' }))).toBe(false);
    expect(routes.unregister(broker())).toBe(true);
    expect(routes.unregister(broker())).toBe(false);
    expect(routes.route('T')).toBeUndefined();
    expect(routes.topics()).toEqual([]);
  });

  it('when the connection it registered over closes, and not when an older one of it does', () => {
    const routes = new RouteInfo();
    routes.register(broker({ channelId: 1 }), 0);
    routes.register(broker({ channelId: 2 }), 1);
    expect(routes.channelClosed(1)).toEqual([]);
    expect(routes.route('T')).toBeDefined();
    expect(routes.channelClosed(2)).toEqual([
      { clusterName: 'C1', brokerName: 'broker-a', brokerId: 0, brokerAddr: '10.0.0.1:10911' },
    ]);
    expect(routes.route('T')).toBeUndefined();
  });

  it('when it did not register for longer than it promised', () => {
    const routes = new RouteInfo();
    routes.register(broker(), 0);
    routes.register(broker({ ...slave, expiryMs: 30_000 }), 0);
    expect(routes.expire(30_000)).toEqual([]);
    expect(routes.expire(30_001).map(({ brokerId }) => brokerId)).toEqual([1]);
    routes.register(broker(), 100_000);
    expect(routes.expire(220_000)).toEqual([]);
    expect(routes.expire(220_001).map(({ brokerId }) => brokerId)).toEqual([0]);
  });

  it('but its queues stay for consumers while a slave of its name lives', () => {
    const routes = new RouteInfo();
    routes.register(broker(), 0);
    routes.register(broker(slave), 0);
    routes.unregister(broker());
    expect(addresses(routes, 'T')).toEqual([[1, '10.0.0.2:10911']]);
    routes.channelClosed(2);
    expect(routes.topics()).toEqual([]);
  });

  it('and comes back with all its topics when it registers again', () => {
    const routes = new RouteInfo();
    routes.register(broker(), 0);
    routes.channelClosed(1);
    expect(routes.register(broker({ channelId: 5 }), 1).isNew).toBe(true);
    expect(addresses(routes, 'T')).toEqual([[0, '10.0.0.1:10911']]);
  });
});

describe('the write permission of a broker', () => {
  const other = { brokerName: 'broker-b', brokerAddr: '10.0.0.3:10911', channelId: 3 };
  const perms = (routes: RouteInfo, topic = 'T') =>
    routes.route(topic)!.queueDatas.map(({ brokerName, perm }) => [brokerName, perm]);
  const twoBrokers = (): RouteInfo => {
    const routes = new RouteInfo();
    const readOnly = table(1, 'T', 'Read');
    readOnly.topicConfigTable.get('Read')!.perm = 4;
    routes.register(broker({ table: readOnly }), 0);
    routes.register(broker(other), 0);
    return routes;
  };

  it('is wiped in all routes of that broker, and comes back as it was registered', () => {
    const routes = twoBrokers();
    expect(routes.wipeWritePerm('broker-a')).toBe(2);
    expect(perms(routes)).toEqual([
      ['broker-a', 4],
      ['broker-b', 6],
    ]);
    expect(routes.addWritePerm('broker-a')).toBe(2);
    expect(perms(routes)).toEqual([
      ['broker-a', 6],
      ['broker-b', 6],
    ]);
    expect(perms(routes, 'Read')).toEqual([['broker-a', 4]]);
  });

  it('stays wiped when a topic is created meanwhile, also for that', () => {
    const routes = twoBrokers();
    routes.wipeWritePerm('broker-b');
    routes.register(broker({ ...other, table: table(2, 'T', 'New') }), 1);
    expect(perms(routes, 'New')).toEqual([['broker-b', 4]]);
  });

  it('is as registered when the broker comes back', () => {
    const routes = twoBrokers();
    routes.wipeWritePerm('broker-b');
    routes.channelClosed(3);
    routes.register(broker(other), 1);
    expect(perms(routes)).toEqual([
      ['broker-a', 6],
      ['broker-b', 6],
    ]);
  });

  it('of one that is not registered is not wiped for later', () => {
    const routes = new RouteInfo();
    expect(routes.wipeWritePerm('broker-a')).toBe(0);
    expect(routes.addWritePerm('broker-a')).toBe(0);
    routes.wipeWritePerm('broker-a');
    routes.register(broker(), 1);
    expect(perms(routes)).toEqual([['broker-a', 6]]);
  });
});

describe('the data version', () => {
  const version = table(1).dataVersion;

  it('is unknown for a broker that is not registered', () => {
    expect(new RouteInfo().dataVersion(broker(), version, 0)).toBeUndefined();
  });

  it('keeps a broker alive that asks with the version it registered, and not one with another', () => {
    const routes = new RouteInfo();
    routes.register(broker(), 0);
    expect(routes.dataVersion(broker(), version, 60_000)).toEqual(version);
    expect(routes.dataVersion(broker(), { ...version, counter: 2 }, 110_000)).toEqual(version);
    expect(routes.expire(130_000)).toEqual([]);
    expect(routes.expire(180_001)).toHaveLength(1);
  });
});

describe('clusters', () => {
  it('list their brokers and topics, and lose a topic apart from one another', () => {
    const routes = new RouteInfo();
    routes.register(broker({ table: table(1, 'T', 'OnlyC1') }), 0);
    routes.register(
      broker({ clusterName: 'C2', brokerName: 'broker-b', brokerAddr: '10.0.0.3:10911' }),
      0,
    );
    expect(routes.clusterInfo().clusterAddrTable).toEqual(
      new Map([
        ['C1', ['broker-a']],
        ['C2', ['broker-b']],
      ]),
    );
    expect(routes.topicsOfCluster('C1')).toEqual(['T', 'OnlyC1']);
    expect(routes.topicsOfCluster('C2')).toEqual(['T']);
    expect(routes.topicsOfCluster('C3')).toEqual([]);
    routes.deleteTopic('T', 'C1');
    expect(addresses(routes, 'T')).toEqual([[0, '10.0.0.3:10911']]);
    routes.deleteTopic('T');
    expect(routes.route('T')).toBeUndefined();
    expect(routes.topics()).toEqual(['OnlyC1']);
    routes.deleteTopic('T');
  });
});
