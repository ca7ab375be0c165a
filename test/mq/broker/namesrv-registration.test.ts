import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { requestCommand } from '../../../mq/protocol/frame.ts';
import { getRouteinfoByTopic } from '../../../mq/protocol/requests/get-routeinfo-by-topic.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { decodeTopicRoute, type TopicRouteData } from '../../../mq/protocol/route.ts';
import { nameServerConfig } from '../../../mq/namesrv/config.ts';
import { NameServer } from '../../../mq/namesrv/name-server.ts';
import { RemotingClient } from '../../../mq/remoting/remoting-client.ts';
import { until } from '../../support/deadline.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { BrokerUnderTest } from './broker-under-test.ts';

let client: RemotingClient;
let cleanUps: (() => Promise<unknown>)[];

beforeEach(() => {
  client = new RemotingClient();
  cleanUps = [() => client.close()];
});

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
});

async function nameServer(listenPort = 0): Promise<NameServer> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'millrace-namesrv-test-'));
  const started = await NameServer.start(
    nameServerConfig({ listenPort, kvConfigPath: path.join(directory, 'kvConfig.json') }),
  );
  cleanUps.push(async () => {
    await started.close();
    await rm(directory, { recursive: true, force: true });
  });
  return started;
}

async function brokerAt(namesrvAddr: string, clock?: FakeClock): Promise<BrokerUnderTest> {
  const broker = await BrokerUnderTest.start({
    config: { namesrvAddr },
    ...(clock === undefined ? {} : { clock }),
  });
  cleanUps.push(() => broker[Symbol.asyncDispose]());
  return broker;
}

async function routeOf(topic: string, address: string): Promise<TopicRouteData | undefined> {
  const reply = await client.request(
    address,
    requestCommand({
      code: getRouteinfoByTopic.code,
      extFields: getRouteinfoByTopic.encodeRequest({ topic }),
    }),
    { timeoutMs: 5_000 },
  );
  return reply.code === ResponseCode.SUCCESS ? decodeTopicRoute(reply.body) : undefined;
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('not a TCP port');
  return address.port;
}

describe('registration with name servers', () => {
  it('is done with every one of them when the broker has started', async () => {
    const [first, second] = [await nameServer(), await nameServer()];
    const broker = await brokerAt(`${first.address};${second.address}`);
    for (const { address } of [first, second]) {
      const route = await routeOf('BenchmarkTest', address);
      expect(route?.brokerDatas).toEqual([
        {
          cluster: 'DefaultCluster',
          brokerName: 'broker-a',
          brokerAddrs: new Map([[0, broker.broker.address]]),
        },
      ]);
      expect(route?.queueDatas[0]).toMatchObject({ brokerName: 'broker-a', writeQueueNums: 1024 });
    }
  });

  it('has told them of a new topic before whoever creates it goes on', async () => {
    const { address } = await nameServer();
    const broker = await brokerAt(address);
    await broker.createTopic('TopicA', 3);
    expect((await routeOf('TopicA', address))?.queueDatas[0]?.writeQueueNums).toBe(3);
    const [first, second] = await Promise.all([
      broker.broker.context.topics.ensureRetryTopic('cg'),
      // Finds the topic there, and yet must not go on before it can be found.
      broker.broker.context.topics.ensureRetryTopic('cg').then(() => routeOf('%RETRY%cg', address)),
    ]);
    expect(first.topicName).toBe('%RETRY%cg');
    expect(second?.queueDatas[0]?.readQueueNums).toBe(1);
  });

  it('follows at once when a topic is created on send', async () => {
    const { address } = await nameServer();
    const broker = await brokerAt(address);
    await broker.restart({ autoCreateTopicEnable: true });
    expect((await routeOf('TBW102', address))?.queueDatas[0]?.perm).toBe(7);
    await broker.send({ topic: 'New' });
    await until(() => routeOf('New', address));
  });

  it('hides from clients what the whole broker does not allow', async () => {
    const { address } = await nameServer();
    const broker = await brokerAt(address);
    await broker.restart({ brokerPermission: 4 });
    expect((await routeOf('BenchmarkTest', address))?.queueDatas[0]?.perm).toBe(4);
  });

  it('ends when the broker closes', async () => {
    const { address } = await nameServer();
    const broker = await brokerAt(address);
    await broker.stop();
    expect(await routeOf('BenchmarkTest', address)).toBeUndefined();
  });

  it('is no condition for serving, and is made up for when the name server comes', async () => {
    const clock = new FakeClock();
    const port = await freePort();
    const broker = await brokerAt(`127.0.0.1:${port}`, clock);
    await broker.createTopic('TopicA');
    expect((await broker.send({ topic: 'TopicA' })).code).toBe(ResponseCode.SUCCESS);
    const { address } = await nameServer(port);
    await until(async () => {
      await clock.advanceAndSettle(1_000);
      return routeOf('TopicA', address);
    });
  });

  it('is repeated soon after a name server was restarted', async () => {
    const clock = new FakeClock();
    const first = await nameServer();
    const broker = await brokerAt(first.address, clock);
    await first.close();
    await until(() => broker.broker.context.namesrv.registeredCount === 0);
    const { address } = await nameServer(Number(first.address.split(':')[1]));
    await until(async () => {
      await clock.advanceAndSettle(1_000);
      return routeOf('BenchmarkTest', address);
    });
  });
});
