import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Producer } from '../../mq/index.ts';
import { testBroker, type TestBroker } from '../../mq/testkit.ts';
import { bodyCrc32, collecting, messages } from './support/expectations.ts';
import { consume, goPeer, javaPeer, killPeers, produce, type PeerKind } from './support/peer.ts';
import { javaVersions } from './support/toolchain.ts';

const kinds: PeerKind[] = [
  javaPeer(javaVersions.newest5),
  javaPeer(javaVersions.newest5, 'ROCKETMQ'),
  javaPeer(javaVersions.newest49),
  javaPeer(javaVersions.newest49, 'ROCKETMQ'),
  goPeer,
];

describe.each(kinds)('the official client $name on our broker', (kind) => {
  let mq: TestBroker;

  beforeAll(async () => {
    // A retried message waits for its delay level; every level is one second here.
    mq = await testBroker({ messageDelayLevel: '1s '.repeat(18).trim() });
  });
  afterEach(killPeers);
  afterAll(() => mq.close());

  it.each(['sync', 'async', 'oneway'])('sends %s and every message arrives once', async (mode) => {
    const topic = `Send-${mode}`;
    await mq.createTopic(topic);
    const sent = await produce(kind, { namesrv: mq.namesrvAddr, topic, count: 20, mode });
    expect(sent).toHaveLength(20);
    if (mode !== 'oneway') {
      expect(new Set(sent.map(({ status }) => status))).toEqual(new Set(['SEND_OK']));
    }
    await collecting(
      { namesrvAddr: mq.namesrvAddr, consumerGroup: `ours-${mode}`, topic },
      async (collected) => {
        expect(await collected.keys(20)).toEqual(sent.map(({ key }) => key).toSorted());
        expect(collected.messages).toHaveLength(20);
        for (const message of collected.messages) {
          expect(message.tags).toBe('TagA');
          expect(message.properties.get('origin')).toBe(kind === goPeer ? 'go' : 'java');
          const ack = sent.find(({ key }) => key === message.keys[0])!;
          if (mode === 'oneway') continue;
          expect(message.msgId).toBe(ack.msgId);
          expect(message.offsetMsgId).toBe(ack.offsetMsgId);
          expect(`broker-a:${message.queueId}`).toBe(ack.queue);
          expect(message.queueOffset).toBe(ack.queueOffset);
        }
      },
    );
  });

  it('sends a batch that lands in one queue, in order', async () => {
    const topic = 'Batch';
    await mq.createTopic(topic);
    const [ack] = await produce(kind, { namesrv: mq.namesrvAddr, topic, count: 10, mode: 'batch' });
    expect(ack!.status).toBe('SEND_OK');
    await collecting(
      { namesrvAddr: mq.namesrvAddr, consumerGroup: 'ours-batch', topic },
      async (collected) => {
        await collected.keys(10);
        const inOrder = collected.messages.toSorted((a, b) => a.queueOffset - b.queueOffset);
        expect(inOrder.map((message) => message.keys[0])).toEqual(
          Array.from({ length: 10 }, (_, index) => `k${index}`),
        );
        expect(new Set(inOrder.map((message) => message.queueId)).size).toBe(1);
        expect(inOrder[0]!.queueOffset).toBe(ack!.queueOffset);
      },
    );
  });

  it('compresses a large body and our consumer gets the original', async () => {
    const topic = 'Large';
    await mq.createTopic(topic);
    await produce(kind, { namesrv: mq.namesrvAddr, topic, count: 3, size: 20_000 });
    await collecting(
      { namesrvAddr: mq.namesrvAddr, consumerGroup: 'ours-large', topic },
      async (collected) => {
        await collected.keys(3);
        for (const message of collected.messages) {
          expect(message.body).toHaveLength(20_000);
          expect(message.text().startsWith(message.keys[0]!)).toBe(true);
        }
      },
    );
  });

  it('consumes what our producer sends, small, large and in a batch', async () => {
    const topic = 'FromOurs';
    await mq.createTopic(topic);
    const peer = await consume(kind, {
      namesrv: mq.namesrvAddr,
      topic,
      group: 'peer-consume',
      count: 30,
    });
    await using producer = new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'ours' });
    await producer.start();
    const all = messages(topic, 30, 40).map((message, index) =>
      index < 10 ? { ...message, body: message.keys!.toString().padEnd(30_000, 'xyz') } : message,
    );
    for (const message of all.slice(0, 20)) await producer.send(message);
    await producer.sendBatch(all.slice(20));
    const received = await peer.received;
    const crcByKey = new Map(received.map(({ key, bodyCrc32: crc }) => [key, crc]));
    expect(received).toHaveLength(30);
    expect(crcByKey).toEqual(new Map(all.map((m) => [String(m.keys), bodyCrc32(m)])));
  });

  it('gets only the tags it subscribed to', async () => {
    const topic = 'Tags';
    await mq.createTopic(topic);
    const peer = await consume(kind, {
      namesrv: mq.namesrvAddr,
      topic,
      group: 'peer-tags',
      count: 10,
      tags: 'Paid || Closed',
    });
    await using producer = new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'ours' });
    await producer.start();
    for (const [index, message] of messages(topic, 20, 20).entries()) {
      await producer.send({
        ...message,
        tags: ['Paid', 'Created', 'Closed', 'Refunded'][index % 4]!,
      });
    }
    const received = await peer.received;
    expect(new Set(received.map(({ tags }) => tags))).toEqual(new Set(['Paid', 'Closed']));
    expect(received).toHaveLength(10);
  });

  it('asks for redelivery and gets the message again, with its count and first topic', async () => {
    const topic = 'Retry';
    await mq.createTopic(topic);
    // A first member makes the broker create the group's retry topic. Without it a Java 5 consumer, which asks for
    // that topic's route before its own first heartbeat, finds it only when it asks again after 30 s.
    await collecting(
      { namesrvAddr: mq.namesrvAddr, consumerGroup: 'peer-retry', topic },
      async () => undefined,
    );
    const peer = await consume(kind, {
      namesrv: mq.namesrvAddr,
      topic,
      group: 'peer-retry',
      count: 3,
      'fail-first': true,
    });
    await using producer = new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'ours' });
    await producer.start();
    for (const message of messages(topic, 3, 20)) await producer.send(message);
    const received = await peer.received;
    const timesByKey = (times: number): string[] =>
      received
        .filter((got) => got.reconsumeTimes === times)
        .map(({ key }) => key)
        .toSorted();
    expect(timesByKey(0)).toEqual(['ours0', 'ours1', 'ours2']);
    expect(timesByKey(1)).toEqual(['ours0', 'ours1', 'ours2']);
    expect(new Set(received.map((got) => got.topic))).toEqual(new Set([topic]));
  });

  it('shares a group with a consumer of ours, and no message is missed', async () => {
    const topic = 'Shared';
    await mq.createTopic(topic, 8);
    await using producer = new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'ours' });
    await producer.start();
    await collecting(
      { namesrvAddr: mq.namesrvAddr, consumerGroup: 'mixed', topic },
      async (collected) => {
        // Ours and theirs in one group: both must come to the same allocation of queues.
        const peer = await consume(kind, {
          namesrv: mq.namesrvAddr,
          topic,
          group: 'mixed',
          count: 20,
        });
        const sentKeys: string[] = [];
        const peerIsDone = new AbortController();
        const received = peer.received.finally(() => peerIsDone.abort());
        for (let index = 0; !peerIsDone.signal.aborted && index < 5_000; index++) {
          await producer.send({ topic, body: 'x', keys: `m${index}` });
          sentKeys.push(`m${index}`);
        }
        const peerKeys = (await received).map(({ key }) => key);
        expect(peerKeys.length).toBeGreaterThanOrEqual(20);
        const ours = await collected.keys(sentKeys.length - new Set(peerKeys).size);
        expect(new Set([...ours, ...peerKeys])).toEqual(new Set(sentKeys));
      },
    );
  });
});
