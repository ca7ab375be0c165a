import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { clientSettings } from '../../../mq/client/client-options.ts';
import { DrainWatch, drainedTo, notDrained } from '../../../mq/client/drain-watch.ts';
import { MqClient } from '../../../mq/client/mq-client.ts';
import { Admin, Producer, type UndrainedQueue } from '../../../mq/index.ts';
import { nameServerConfig } from '../../../mq/namesrv/config.ts';
import { NameServer } from '../../../mq/namesrv/name-server.ts';
import type { RemotingCommand } from '../../../mq/protocol/frame.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { putKvConfig } from '../../../mq/protocol/requests/put-kv-config.ts';
import { startBroker, type Broker } from '../../../mq/server.ts';
import { until } from '../../support/deadline.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { plays } from '../../support/plays.ts';

let nameServer: NameServer;
let broker: Broker;
let clock: FakeClock;
let admin: Admin;
let producer: Producer;
/** Done to the request that takes the queues away, before the broker gets it. */
let before: (request: RemotingCommand) => Promise<void> | void;
/** Done when the broker has served it, before the answer goes out. */
let after: () => void;

beforeEach(async () => {
  before = () => undefined;
  after = () => undefined;
  nameServer = await NameServer.start(
    nameServerConfig({ listenPort: 0, kvConfigPath: '', orderMessageEnable: true }),
  );
  broker = await startBroker(
    {
      listenPort: 0,
      storePathRootDir: '/store',
      flushDiskType: 'ASYNC_FLUSH',
      namesrvAddr: nameServer.address,
    },
    {
      files: new FaultyFiles().process(),
      intercept: async (request, connection, next) => {
        const isTaking =
          request.code === RequestCode.UPDATE_AND_CREATE_TOPIC &&
          request.extFields?.['drainedTo'] !== undefined;
        if (isTaking) await before(request);
        const reply = await next(request, connection);
        if (isTaking) after();
        return reply;
      },
    },
  );
  clock = new FakeClock();
  const { address: namesrvAddr } = nameServer;
  admin = new Admin({ namesrvAddr, clock });
  producer = new Producer({ namesrvAddr, producerGroup: 'p' });
  await admin.createTopic({ topic: 'T', readQueueNums: 4 });
});

afterEach(async () => {
  await admin.shutdown();
  await producer.shutdown();
  await broker.close();
  await nameServer.close();
});

const send = (queueId: number) =>
  producer.send(
    { topic: 'T', body: 'm' },
    { queue: { topic: 'T', brokerName: 'broker-a', queueId } },
  );

const consumed = (group: string, queueId: number, queueOffset: number): boolean =>
  broker.context.offsets.commit({ group, topic: 'T', queueId, queueOffset, client: 'test' });

const counts = (): [number | undefined, number | undefined] => {
  const config = broker.context.topics.get('T');
  return [config?.readQueueNums, config?.writeQueueNums];
};

/** Lets time pass until it has come to an end. */
async function driven<T>(work: Promise<T>): Promise<T> {
  let isOver = false;
  const over = (): void => void (isOver = true);
  work.then(over, over);
  await until(
    async () => {
      await clock.advanceAndSettle(500);
      return isOver;
    },
    { what: 'an end of the shrinking', timeoutMs: 20_000 },
  );
  return work;
}

describe('shrinking a topic', () => {
  it('says what it waits for, and what each broker had', async () => {
    await send(3);
    await send(3);
    consumed('G', 3, 1);
    const seen: UndrainedQueue[][] = [];
    const shrunk = await driven(
      admin.shrinkTopic('T', 2, {
        quietMs: 3_000,
        onProgress: (left) => {
          seen.push([...left]);
          if (seen.length === 2) consumed('G', 3, 2);
        },
      }),
    );
    expect(seen[0]).toEqual([
      { brokerName: 'broker-a', queueId: 3, consumerGroup: 'G', consumerOffset: 1, maxOffset: 2 },
    ]);
    expect(seen.at(-1)).toEqual([]);
    expect(shrunk).toEqual([{ brokerName: 'broker-a', readQueueNums: 4, writeQueueNums: 4 }]);
    expect(counts()).toEqual([2, 2]);
    expect(await admin.shrinkTopic('T', 2)).toEqual([]);
    expect(await admin.shrinkTopic('T', 4)).toEqual([]);
  });

  it('waits anew when a message comes between the look and the change', async () => {
    before = async () => {
      before = () => undefined;
      await send(3);
      consumed('G', 3, 1);
    };
    await driven(admin.shrinkTopic('T', 2, { quietMs: 2_000 }));
    expect(counts()).toEqual([2, 2]);
    before = async () => void (await send(1));
    await expect(
      driven(admin.shrinkTopic('T', 1, { quietMs: 1_000, timeoutMs: 20_000 })),
    ).rejects.toMatchObject({ code: 'NOT_DRAINED', retriable: true });
    expect(counts()).toEqual([2, 1]);
  });

  it('gives the queues back where a broker takes them away without a look, as an Apache broker does', async () => {
    let isFirst = true;
    const read: (number | undefined)[] = [];
    before = async (request) => {
      delete request.extFields!['drainedTo'];
      if (isFirst) await send(3);
      isFirst = false;
    };
    after = () => void read.push(counts()[0]);
    const shrinking = admin.shrinkTopic('T', 2, {
      quietMs: 2_000,
      consumerGroups: ['G'],
      onProgress: (left) => {
        if (left.length === 0) return;
        expect(counts()).toEqual([4, 2]);
        consumed('G', 3, 1);
      },
    });
    await driven(shrinking);
    expect(read).toEqual([2, 2]);
    expect(counts()).toEqual([2, 2]);
  });

  it('tells who has not consumed what when time is up, and goes on from there', async () => {
    await send(2);
    await send(3);
    consumed('G', 3, 1);
    consumed('H', 2, 1);
    const tried = driven(admin.shrinkTopic('T', 2, { quietMs: 0, timeoutMs: 5_000 }));
    await expect(tried).rejects.toThrow(
      'topic T is not drained on broker-a, and keeps the queues to read: G has no progress in queue 2, ' +
        'which ends at 1; H has no progress in queue 3, which ends at 1',
    );
    expect(counts()).toEqual([4, 2]);
    await driven(admin.shrinkTopic('T', 2, { quietMs: 0, consumerGroups: [] }));
    expect(counts()).toEqual([2, 2]);
  });

  it('is refused where it could not be seen through', async () => {
    await expect(admin.shrinkTopic('T', 0)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(admin.shrinkTopic('T', 2, { quietMs: -1 })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
    await expect(admin.shrinkTopic('Nowhere', 2)).rejects.toMatchObject({
      code: 'TOPIC_NOT_EXIST',
    });
    const aborted = admin.shrinkTopic('T', 2, { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ code: 'REQUEST_ABORTED' });
    expect(counts()).toEqual([4, 4]);
  });

  it('is refused while ORDER_TOPIC_CONFIG sends producers to queues that would go', async () => {
    const client = new MqClient(clientSettings({ namesrvAddr: nameServer.address }));
    const namespace = 'ORDER_TOPIC_CONFIG';
    const orderTopicConf = (value: string) =>
      client.callEveryNameServer(putKvConfig, { namespace, key: 'T', value });
    await orderTopicConf('elsewhere:9;broker-a:4');
    await expect(admin.shrinkTopic('T', 2)).rejects.toMatchObject({
      code: 'ILLEGAL_OPERATION',
      message: 'ORDER_TOPIC_CONFIG gives topic T broker-a:4, more than 2: lower it there first',
    });
    expect(counts()).toEqual([4, 4]);
    await orderTopicConf('elsewhere:9;broker-a:2');
    await driven(admin.shrinkTopic('T', 2, { quietMs: 0 }));
    expect(counts()).toEqual([2, 2]);
    await client.close();
  });

  it('ends when the topic is deleted meanwhile', async () => {
    await send(3);
    consumed('G', 3, 0);
    const shrinking = admin.shrinkTopic('T', 2, {
      onProgress: () => void broker.context.topics.delete('T'),
    });
    expect(await driven(shrinking)).toHaveLength(1);
  });
});

describe('the quiet time', () => {
  const queue = (queueId: number, maxOffset: number) => ({ queueId, minOffset: 0, maxOffset });

  it('is over only when nothing came for all of it', () => {
    const looks = fc.array(
      fc.record({ ms: fc.nat(5_000), grows: fc.boolean(), isDisturbed: fc.boolean() }),
    );
    fc.assert(
      fc.property(looks, fc.integer({ min: 1, max: 10_000 }), (steps, quietMs) => {
        const watch = new DrainWatch(quietMs);
        let nowMs = 0;
        let maxOffset = 0;
        let sinceMs: number | undefined;
        for (const { ms, grows, isDisturbed } of steps) {
          nowMs += ms;
          if (grows) maxOffset++;
          if (isDisturbed) watch.disturb();
          if (grows || isDisturbed) sinceMs = undefined;
          sinceMs ??= nowMs;
          expect(watch.isQuiet([queue(1, 0), queue(2, maxOffset)], nowMs)).toBe(
            nowMs - sinceMs >= quietMs,
          );
        }
      }),
      plays(),
    );
  });

  it('is named as what is missing when all is consumed', () => {
    expect(notDrained('T', 'b1', [], undefined).message).toMatch(/still come into its queues$/);
    expect(drainedTo([queue(2, 7), queue(3, 0)])).toBe('2:7;3:0');
  });

  it('names the first few of many', () => {
    const left = Array.from({ length: 7 }, (_, queueId) => ({
      brokerName: 'b1',
      queueId,
      consumerGroup: 'G',
      consumerOffset: 1,
      maxOffset: 2,
    }));
    const { message } = notDrained('T', 'b1', left, undefined);
    expect(message).toContain('G has come to 1 in queue 4, which ends at 2; and 2 more');
  });
});
