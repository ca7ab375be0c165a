import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { topicConfig } from '../../../mq/broker/topic-configs.ts';
import { nameServerConfig, type NameServerConfig } from '../../../mq/namesrv/config.ts';
import { NameServer } from '../../../mq/namesrv/name-server.ts';
import { requestCommand, type RemotingCommand } from '../../../mq/protocol/frame.ts';
import { decodeKvTable } from '../../../mq/protocol/kv-table.ts';
import { bodyCrc } from '../../../mq/protocol/message.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { queryDataVersion } from '../../../mq/protocol/requests/query-data-version.ts';
import { registerBroker } from '../../../mq/protocol/requests/register-broker.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { decodeClusterInfo, decodeTopicRoute } from '../../../mq/protocol/route.ts';
import {
  decodeDataVersion,
  encodeDataVersion,
  encodeRegisterBrokerBody,
} from '../../../mq/protocol/topic-config.ts';
import { decodeTopicList } from '../../../mq/protocol/topic-list.ts';
import { RemotingClient } from '../../../mq/remoting/remoting-client.ts';
import { until } from '../../support/deadline.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

const identity = {
  clusterName: 'C1',
  brokerName: 'broker-a',
  brokerId: 0,
  brokerAddr: '127.0.0.1:10911',
};

/** A name server with a clock of its own, and someone who asks it. */
async function startNameServer(overrides: Partial<NameServerConfig> = {}) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const config = nameServerConfig({ listenPort: 0, kvConfigPath: '', ...overrides });
  const nameServer = await NameServer.start(config, { clock, logger });
  cleanUps.push(() => nameServer.close());
  const newClient = (): Client => {
    const remoting = new RemotingClient();
    cleanUps.push(() => remoting.close());
    return new Client(nameServer.address, remoting);
  };
  return { nameServer, clock, logger, newClient, client: newClient() };
}

class Client {
  readonly #address: string;
  readonly #remoting: RemotingClient;

  constructor(address: string, remoting: RemotingClient) {
    this.#address = address;
    this.#remoting = remoting;
  }

  ask(code: number, extFields?: Record<string, string>, body?: Buffer): Promise<RemotingCommand> {
    const command = requestCommand({ code, extFields, body });
    return this.#remoting.request(this.#address, command, { timeoutMs: 10_000 });
  }

  register(more: Partial<Registering> = {}): Promise<RemotingCommand> {
    const { topics = ['T'], counter = 1, compressed, damaged, ...header } = more;
    const body = encodeRegisterBrokerBody(
      {
        filterServerList: [],
        dataVersion: { stateVersion: 0, timestamp: 1, counter },
        topicConfigTable: new Map(
          topics.map((topicName) => [topicName, topicConfig(topicName, 4, 6)]),
        ),
      },
      { compressed: compressed ?? false },
    );
    const ext = registerBroker.encodeRequest({
      ...identity,
      haServerAddr: '127.0.0.1:10912',
      compressed,
      bodyCrc32: damaged ? bodyCrc(body) ^ 1 : bodyCrc(body),
      ...header,
    });
    return this.ask(RequestCode.REGISTER_BROKER, ext, body);
  }

  async routeOf(topic: string): Promise<RemotingCommand> {
    return this.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, { topic });
  }

  close(): Promise<void> {
    return this.#remoting.close();
  }
}

interface Registering {
  topics: string[];
  counter: number;
  compressed: boolean;
  damaged: boolean;
  brokerName: string;
  brokerId: number;
  brokerAddr: string;
  heartbeatTimeoutMillis: number;
}

describe('a broker that registers', () => {
  it.each([false, true])('is found by its topics (body compressed: %s)', async (compressed) => {
    const { client } = await startNameServer();
    expect((await client.register({ compressed, topics: ['T', 'U'] })).code).toBe(0);
    const reply = await client.routeOf('U');
    expect(reply.code).toBe(ResponseCode.SUCCESS);
    expect(decodeTopicRoute(reply.body)).toEqual({
      brokerDatas: [
        { cluster: 'C1', brokerName: 'broker-a', brokerAddrs: new Map([[0, '127.0.0.1:10911']]) },
      ],
      queueDatas: [
        { brokerName: 'broker-a', readQueueNums: 4, writeQueueNums: 4, perm: 6, topicSysFlag: 0 },
      ],
    });
    // Go clients cut the addresses out of the text, so there must be no blanks and quoted keys.
    expect(String(reply.body)).toContain('"brokerAddrs":{"0":"127.0.0.1:10911"}');
  });

  it('as a slave is told its master', async () => {
    const { client } = await startNameServer();
    await client.register();
    const reply = await client.register({ brokerId: 1, brokerAddr: '127.0.0.1:20911' });
    expect(reply.extFields).toEqual({
      haServerAddr: '127.0.0.1:10912',
      masterAddr: '127.0.0.1:10911',
    });
  });

  it('is refused when its body was damaged, its fields are missing, or its address is none', async () => {
    const { client } = await startNameServer();
    const damaged = await client.register({ damaged: true });
    expect(damaged.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(damaged.remark).toMatch(/body CRC \d+ differs from bodyCrc32 \d+/);
    const bare = await client.ask(RequestCode.REGISTER_BROKER, { brokerName: 'x' });
    expect(bare.code).toBe(ResponseCode.INVALID_PARAMETER);
    expect(bare.remark).toMatch(/brokerAddr is missing/);
    const misplaced = await client.register({ brokerAddr: 'somewhere' });
    expect(misplaced.remark).toBe('"somewhere" is not host:port');
    expect((await client.routeOf('T')).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
  });

  it('appears in the cluster and topic lists', async () => {
    const { client } = await startNameServer();
    await client.register({ topics: ['T', 'U'] });
    const info = decodeClusterInfo((await client.ask(RequestCode.GET_BROKER_CLUSTER_INFO)).body);
    expect(info.clusterAddrTable).toEqual(new Map([['C1', ['broker-a']]]));
    expect(info.brokerAddrTable.get('broker-a')?.brokerAddrs.get(0)).toBe('127.0.0.1:10911');
    const all = await client.ask(RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER);
    expect(decodeTopicList(all.body)).toEqual(['T', 'U']);
    const ofCluster = await client.ask(RequestCode.GET_TOPICS_BY_CLUSTER, { cluster: 'C1' });
    expect(decodeTopicList(ofCluster.body)).toEqual(['T', 'U']);
    await client.ask(RequestCode.DELETE_TOPIC_IN_NAMESRV, { topic: 'T' });
    expect((await client.routeOf('T')).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
    expect((await client.routeOf('U')).code).toBe(ResponseCode.SUCCESS);
  });

  it('learns whether its topics are known in their latest edition', async () => {
    const { client } = await startNameServer();
    const ext = queryDataVersion.encodeRequest(identity);
    const version = { stateVersion: 0, timestamp: 1, counter: 1 };
    const ask = (counter: number) =>
      client.ask(RequestCode.QUERY_DATA_VERSION, ext, encodeDataVersion({ ...version, counter }));
    const unknown = await ask(1);
    expect(unknown).toMatchObject({ extFields: { changed: 'true' }, body: undefined });
    await client.register();
    const same = await ask(1);
    expect(same.extFields).toEqual({ changed: 'false' });
    expect(decodeDataVersion(same.body)).toEqual(version);
    expect((await ask(2)).extFields).toEqual({ changed: 'true' });
  });
});

describe('a broker that is gone', () => {
  it('is removed the moment its connection closes', async () => {
    const { client, newClient, logger } = await startNameServer();
    const broker = newClient();
    await broker.register();
    expect((await client.routeOf('T')).code).toBe(ResponseCode.SUCCESS);
    await broker.close();
    await until(async () => (await client.routeOf('T')).code === ResponseCode.TOPIC_NOT_EXIST);
    expect(logger.messages('warn')).toEqual(['broker removed: its connection is closed']);
  });

  it('is removed when it unregisters', async () => {
    const { client } = await startNameServer();
    await client.register();
    const ext = { ...identity, brokerId: '0' };
    expect((await client.ask(RequestCode.UNREGISTER_BROKER, ext)).code).toBe(0);
    expect((await client.routeOf('T')).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
  });

  it('is removed by the scan, 120 s after its last registration or when it said', async () => {
    const { client, newClient, clock, logger } = await startNameServer();
    await client.register();
    await newClient().register({
      brokerName: 'broker-b',
      brokerAddr: '127.0.0.1:30911',
      topics: ['Brief'],
      heartbeatTimeoutMillis: 15_000,
    });
    clock.advance(10_000);
    expect((await client.routeOf('Brief')).code).toBe(ResponseCode.SUCCESS);
    clock.advance(10_000);
    expect((await client.routeOf('Brief')).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
    clock.advance(90_000);
    expect((await client.routeOf('T')).code).toBe(ResponseCode.SUCCESS);
    clock.advance(20_000);
    expect((await client.routeOf('T')).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
    expect(logger.messages('warn')).toEqual([
      'broker removed: it stopped registering',
      'broker removed: it stopped registering',
    ]);
  });
});

describe('a topic without a route', () => {
  it('is answered with the words of the original and a hint', async () => {
    const { client } = await startNameServer();
    const reply = await client.routeOf('Nowhere');
    expect(reply).toMatchObject({ code: ResponseCode.TOPIC_NOT_EXIST, body: undefined });
    expect(reply.remark).toMatch(/^No topic route info in name server for the topic: Nowhere/);
    expect(reply.remark).toContain('autoCreateTopicEnable=true');
  });
});

describe('the key-value table', () => {
  it('survives a restart, and answers QUERY_NOT_FOUND for what it lacks', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'millrace-namesrv-'));
    cleanUps.push(() => rm(directory, { recursive: true, force: true }));
    const kvConfigPath = join(directory, 'kvConfig.json');
    const { client, nameServer } = await startNameServer({ kvConfigPath });
    const item = { namespace: 'N', key: 'k' };
    expect((await client.ask(RequestCode.GET_KV_CONFIG, item)).code).toBe(22);
    expect((await client.ask(RequestCode.PUT_KV_CONFIG, { ...item, value: 'v' })).code).toBe(0);
    await nameServer.close();
    const { client: later } = await startNameServer({ kvConfigPath });
    expect((await later.ask(RequestCode.GET_KV_CONFIG, item)).extFields).toEqual({ value: 'v' });
    const list = await later.ask(RequestCode.GET_KVLIST_BY_NAMESPACE, { namespace: 'N' });
    expect(decodeKvTable(list.body)).toEqual(new Map([['k', 'v']]));
    expect((await later.ask(RequestCode.DELETE_KV_CONFIG, item)).code).toBe(0);
    expect((await later.ask(RequestCode.GET_KVLIST_BY_NAMESPACE, { namespace: 'N' })).code).toBe(
      22,
    );
  });

  it('tells brokers and clients about the topics that keep a global order', async () => {
    const { client } = await startNameServer({ orderMessageEnable: true });
    const item = { namespace: 'ORDER_TOPIC_CONFIG', key: 'T', value: 'broker-a:4' };
    await client.ask(RequestCode.PUT_KV_CONFIG, item);
    const registered = await client.register({ topics: ['T', 'U'] });
    expect(decodeKvTable(registered.body)).toEqual(new Map([['T', 'broker-a:4']]));
    expect(decodeTopicRoute((await client.routeOf('T')).body).orderTopicConf).toBe('broker-a:4');
    expect(decodeTopicRoute((await client.routeOf('U')).body).orderTopicConf).toBeUndefined();
  });
});

describe('a name server', () => {
  it('answers REQUEST_CODE_NOT_SUPPORTED to what it does not serve, as a broker would', async () => {
    const { client } = await startNameServer();
    expect(await client.ask(RequestCode.SEND_MESSAGE)).toMatchObject({
      code: 3,
      remark: 'request type 10 not supported',
    });
  });

  it('knows nothing of another one', async () => {
    const first = await startNameServer();
    const second = await startNameServer();
    await first.client.register();
    expect((await first.client.routeOf('T')).code).toBe(ResponseCode.SUCCESS);
    expect((await second.client.routeOf('T')).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
    await second.client.register({ topics: ['U'] });
    await first.nameServer.close();
    expect((await second.client.routeOf('U')).code).toBe(ResponseCode.SUCCESS);
  });

  it('leaves no timer behind', async () => {
    const { nameServer, clock, client } = await startNameServer();
    await client.register();
    await nameServer.close();
    expect(clock.pendingTimers).toBe(0);
  });
});
