import { expect } from '@jest/globals';
import type { Absence, Behaviours, Cell } from '../support/cell.ts';
import { Client } from '../support/client.ts';
import { OurBrokers } from '../support/our-brokers.ts';
import { peerKeys } from '../support/peer-messages.ts';
import { expectTimedOutAtMostOnce } from './sending.ts';

const oursOnly: Absence = {
  broker: 'RocketMQ 5.5.0',
  why: 'This is about two brokers of ours; they are killed, or closed to producers.',
};

export const topics: Behaviours = {
  heading: 'Topics and several brokers',
  behaviours: [
    {
      title:
        "the client's tool makes a topic, gives it fewer queues to write than to read, and deletes it",
      run: administersTopic,
    },
    {
      title: "the client's tool closes one of two brokers to producers, and opens it again",
      absent: [oursOnly, { client: /^Go/, why: "The Go client's tool has no such command." }],
      run: wipesWritePermission,
    },
    {
      title: 'one of two brokers is killed -9 under load: no send fails, and every message arrives',
      absent: [oursOnly],
      isSlow: true,
      run: outlivesKill,
    },
  ],
};

async function administersTopic({ cluster, client, topic }: Cell): Promise<void> {
  const { admin, brokerAddr } = cluster;
  const shown = async (): Promise<string[]> =>
    (await admin.topicConfig(topic)).map(
      ({ readQueueNums, writeQueueNums, perm }) => `${readQueueNums}/${writeQueueNums}/${perm}`,
    );
  await client.administer({ do: 'put', topic, broker: brokerAddr, read: 6, write: 6, perm: 6 });
  expect(await shown()).toEqual(['6/6/6']);
  await client.administer({ do: 'put', topic, broker: brokerAddr, read: 6, write: 2, perm: 6 });
  expect(await shown()).toEqual(['6/2/6']);
  expect((await admin.topicRoute(topic))!.queueDatas).toMatchObject([
    { readQueueNums: 6, writeQueueNums: 2 },
  ]);
  await client.administer({ do: 'delete', topic, broker: brokerAddr });
  expect(await shown()).toEqual([]);
  expect(await admin.topicRoute(topic)).toBeUndefined();
}

async function wipesWritePermission({ client, topic }: Cell): Promise<void> {
  await using brokers = await OurBrokers.start();
  const { admin, namesrvAddr } = brokers;
  const own = new Client(client.peer, namesrvAddr);
  await admin.createTopic({ topic, readQueueNums: 2 });
  const perms = async (): Promise<string[]> =>
    (await admin.topicRoute(topic))!.queueDatas
      .map(({ brokerName, perm }) => `${brokerName}:${perm}`)
      .toSorted();
  await own.administer({ do: 'wipe', name: 'broker-b' });
  expect(await perms()).toEqual(['broker-a:6', 'broker-b:4']);
  const sent = await own.produce({ topic, count: 8 });
  expect(sent.map(({ queue }) => queue!.split(':')[0])).toEqual(Array(8).fill('broker-a'));
  await own.administer({ do: 'open', name: 'broker-b' });
  expect(await perms()).toEqual(['broker-a:6', 'broker-b:6']);
}

const COUNT = 1_500;

/** The client both sends and consumes. */
async function outlivesKill({ client, topic, group }: Cell): Promise<string | void> {
  await using brokers = await OurBrokers.start();
  const { admin } = brokers;
  const own = new Client(client.peer, brokers.namesrvAddr);
  await admin.createTopic({ topic, readQueueNums: 2 });
  await using consumer = await own.consume({ topic, group });
  const producing = own.tryProduce({ topic, count: COUNT });
  await consumer.distinct(COUNT / 10);
  brokers.kill('broker-a');
  const { sent, refused } = await producing;
  expect([...sent, ...refused].map(({ key }) => key).toSorted()).toEqual(
    peerKeys(COUNT).toSorted(),
  );
  const limit = expectTimedOutAtMostOnce(client, refused);
  // As whoever uses such a client does.
  for (const { key } of refused) {
    sent.push(...(await own.produce({ topic, prefix: `${key}-again-` })));
  }
  expect(new Set(sent.map(({ status }) => status))).toEqual(new Set(['SEND_OK']));
  // Clients look for new routes every 30 s, and share queues out every 20 s.
  const isAll = (messages: readonly { key: string }[]): boolean => {
    const got = new Set(messages.map(({ key }) => key));
    return sent.every(({ key }) => got.has(key));
  };
  await consumer.gets(isAll, `all ${COUNT} messages`, 120_000);
  return limit;
}
