import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Admin, type MqErrorCode } from '../../../mq/index.ts';
import { nameServerConfig } from '../../../mq/namesrv/config.ts';
import { NameServer } from '../../../mq/namesrv/name-server.ts';
import { startBroker, type Broker } from '../../../mq/server.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';

let nameServers: NameServer[];
let brokers: Broker[];
let admin: Admin;

async function addBroker(brokerName: string, brokerClusterName = 'C1'): Promise<Broker> {
  const broker = await startBroker(
    {
      brokerName,
      brokerClusterName,
      listenPort: 0,
      storePathRootDir: '/store',
      flushDiskType: 'ASYNC_FLUSH',
      namesrvAddr: nameServers.map(({ address }) => address).join(';'),
    },
    { files: new FaultyFiles().process() },
  );
  brokers.push(broker);
  return broker;
}

beforeEach(async () => {
  const config = nameServerConfig({ listenPort: 0, kvConfigPath: '' });
  nameServers = [await NameServer.start(config), await NameServer.start(config)];
  brokers = [];
  await addBroker('b1');
  await addBroker('b2');
  await addBroker('far', 'C2');
  admin = new Admin({ namesrvAddr: nameServers.map(({ address }) => address).join(',') });
});

afterEach(async () => {
  await admin.shutdown();
  for (const broker of brokers) await broker.close();
  for (const nameServer of nameServers) await nameServer.close();
});

const settings = async (topic: string): Promise<string[]> =>
  (await admin.topicConfig(topic)).map(
    ({ brokerName, readQueueNums, writeQueueNums, perm }) =>
      `${brokerName}:${readQueueNums}/${writeQueueNums}/${perm}`,
  );

/** As each name server tells it. */
async function routes(topic: string): Promise<string[][]> {
  return Promise.all(
    nameServers.map(async ({ address }) => {
      await using one = new Admin({ namesrvAddr: address });
      const route = await one.topicRoute(topic);
      return (route?.queueDatas ?? [])
        .map(({ brokerName, readQueueNums, perm }) => `${brokerName}:${readQueueNums}/${perm}`)
        .toSorted();
    }),
  );
}

const refusal = (code: MqErrorCode, message: string | RegExp) => ({
  code,
  message: expect.stringMatching(message) as unknown,
});

describe('a topic', () => {
  it('is created everywhere, in one cluster, or on one broker, with its queues to read and to write apart', async () => {
    await admin.createTopic({ topic: 'Wide' });
    await admin.createTopic({ topic: 'Near', cluster: 'C1', writeQueueNums: 3 });
    await admin.createTopic({
      topic: 'One',
      brokerName: 'b2',
      readQueueNums: 4,
      writeQueueNums: 2,
    });
    await admin.createTopic({ topic: 'Addr', brokerAddr: brokers[2]!.address, perm: 4 });
    expect(await settings('Wide')).toEqual(['b1:8/8/6', 'b2:8/8/6', 'far:8/8/6']);
    expect(await settings('Near')).toEqual(['b1:3/3/6', 'b2:3/3/6']);
    expect(await settings('One')).toEqual(['b2:4/2/6']);
    expect(await settings('Addr')).toEqual(['far:8/8/4']);
    expect(await settings('Nowhere')).toEqual([]);
    expect(
      (await admin.topicList()).filter((topic) => /^[A-Z][a-z]+$/.test(topic)).toSorted(),
    ).toEqual(expect.arrayContaining(['Addr', 'Near', 'One', 'Wide']));
    const far = await admin.topicList({ cluster: 'C2' });
    expect(['Addr', 'Near', 'One', 'Wide'].filter((topic) => far.includes(topic))).toEqual([
      'Addr',
      'Wide',
    ]);
    expect(await admin.topicList({ cluster: 'C3' })).toEqual([]);
  });

  it('keeps what an update does not name, on each broker what that has', async () => {
    await admin.createTopic({ topic: 'T', cluster: 'C1' });
    const { topics } = brokers[0]!.context;
    await topics.update({
      ...topics.get('T')!,
      order: true,
      attributes: { 'message.type': 'FIFO' },
    });
    await admin.updateTopic({ topic: 'T', writeQueueNums: 4, brokerName: 'b1' });
    await admin.updateTopic({ topic: 'T', perm: 4 });
    expect(await settings('T')).toEqual(['b1:8/4/4', 'b2:8/8/4']);
    expect(topics.get('T')).toMatchObject({ order: true, attributes: { 'message.type': 'FIFO' } });
    await admin.updateTopic({ topic: 'T' });
    expect(await settings('T')).toEqual(['b1:8/4/4', 'b2:8/8/4']);
  });

  it('is not changed on any broker when one of them would have queues that nobody reads', async () => {
    await admin.createTopic({ topic: 'T', cluster: 'C1' });
    await admin.updateTopic({ topic: 'T', brokerName: 'b2', writeQueueNums: 2 });
    await expect(admin.updateTopic({ topic: 'T', readQueueNums: 4 })).rejects.toMatchObject(
      refusal(
        'INVALID_ARGUMENT',
        'writeQueueNums 8 and readQueueNums 4: nobody would read queue 4',
      ),
    );
    expect(await settings('T')).toEqual(['b1:8/8/6', 'b2:8/2/6']);
  });

  it.each([
    [{ readQueueNums: 0 }, 'CONFIG_INVALID', 'readQueueNums is 0'],
    [{ writeQueueNums: 1.5 }, 'CONFIG_INVALID', 'writeQueueNums is 1.5'],
    [{ perm: 8 }, 'CONFIG_INVALID', 'perm is 8, it must be at most 7'],
    [{ readQueueNums: 2, writeQueueNums: 3 }, 'INVALID_ARGUMENT', 'nobody would read queue 2'],
    [{ brokerName: 'b9' }, 'NO_ROUTE', 'no broker b9; there are: b1, b2'],
    [{ cluster: 'C9' }, 'NO_ROUTE', 'C9 has no master broker; there are: C1, C2'],
    // Our client says that it is of a version without a code for a value out of range.
    [{ readQueueNums: 5000 }, 'SYSTEM_ERROR', 'readQueueNums 5000 is outside 0..4096'],
  ] as const)('is not created with %j', async (options, code, text) => {
    const creating = admin.createTopic({ topic: 'T', ...options });
    await expect(creating).rejects.toMatchObject(refusal(code, text));
    expect(await settings('T')).toEqual([]);
  });

  it('that is not there is not updated but refused', async () => {
    await admin.createTopic({ topic: 'T', brokerName: 'b1' });
    for (const [topic, brokerName] of [
      ['T', 'b2'],
      ['U', 'b1'],
    ]) {
      await expect(
        admin.updateTopic({ topic: topic!, brokerName: brokerName!, perm: 4 }),
      ).rejects.toMatchObject(refusal('TOPIC_NOT_EXIST', `topic ${topic} is on no broker`));
    }
  });

  it('is deleted on one broker, in one cluster, and everywhere, and every name server knows', async () => {
    await admin.createTopic({ topic: 'T', readQueueNums: 2 });
    await admin.deleteTopic('T', { brokerName: 'b1' });
    expect(await routes('T')).toEqual([
      ['b2:2/6', 'far:2/6'],
      ['b2:2/6', 'far:2/6'],
    ]);
    // Once more is no error.
    await admin.deleteTopic('T', { brokerName: 'b1' });
    await admin.deleteTopic('T', { cluster: 'C1' });
    expect(await settings('T')).toEqual(['far:2/2/6']);
    await admin.deleteTopic('T', { brokerName: 'far' });
    expect(await routes('T')).toEqual([[], []]);
    await admin.createTopic({ topic: 'T', readQueueNums: 2 });
    await admin.deleteTopic('T');
    expect(await settings('T')).toEqual([]);
    expect(await routes('T')).toEqual([[], []]);
  });
});

describe('the write permission of a broker', () => {
  it('is wiped at every name server, and given back', async () => {
    await admin.createTopic({ topic: 'T', readQueueNums: 2 });
    const topicCount = [...brokers[0]!.context.topics.all()].length;
    expect(await admin.wipeWritePerm('b1')).toBe(topicCount);
    expect(await routes('T')).toEqual([
      ['b1:2/4', 'b2:2/6', 'far:2/6'],
      ['b1:2/4', 'b2:2/6', 'far:2/6'],
    ]);
    expect(await settings('T')).toContain('b1:2/2/6');
    expect(await admin.addWritePerm('b1')).toBe(topicCount);
    expect((await routes('T'))[1]).toContain('b1:2/6');
    await expect(admin.wipeWritePerm('b9')).rejects.toMatchObject(
      refusal('NO_ROUTE', 'no broker b9; there are: b1, b2, far'),
    );
  });

  it('is not said to be wiped when one name server could not be told', async () => {
    await nameServers[1]!.close();
    await expect(admin.wipeWritePerm('b1')).rejects.toMatchObject({
      message: expect.stringContaining(nameServers[1]!.address) as unknown,
    });
  });
});
