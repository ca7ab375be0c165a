import { resolve } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Producer, PushConsumer, type ConsumedMessage } from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { Client } from '../../interop/support/client.ts';
import type { PeerKind } from '../../interop/support/peer-kinds.ts';
import { killPeers, Peer } from '../../interop/support/peer.ts';

const program = resolve(import.meta.dirname, '..', '..', 'interop', 'ali-ons', 'peer.mjs');

const aliOns: PeerKind = {
  name: 'ali-ons 3.12.0',
  origin: 'ali-ons',
  commandLine: () => Promise.resolve({ file: process.execPath, args: [program] }),
};

describe('the npm client ali-ons on our broker', () => {
  let mq: TestBroker;
  let client: Client;

  beforeEach(async () => {
    mq = await testBroker();
    client = new Client(await Peer.start(aliOns), mq.namesrvAddr);
  });
  afterEach(async () => {
    killPeers();
    await mq.close();
  });

  it('sends, and our consumer gets every message once', async () => {
    const topic = 'FromAli';
    await mq.createTopic(topic);
    const sent = await client.produce({ topic, count: 10 });
    expect(new Set(sent.map(({ status }) => status))).toEqual(new Set(['SEND_OK']));
    const got: ConsumedMessage[] = [];
    await using consumer = new PushConsumer({
      namesrvAddr: mq.namesrvAddr,
      consumerGroup: 'ours',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    })
      .subscribe(topic, 'TagA')
      .onMessage((message) => void got.push(message));
    await consumer.start();
    await mq.consumed('ours', topic);
    expect(got.flatMap(({ keys }) => keys).toSorted()).toEqual(
      sent.map(({ key }) => key).toSorted(),
    );
    expect(got.every((message) => message.text().startsWith('k'))).toBe(true);
  });

  it('consumes what our producer sends with its tags, small and compressed, once each', async () => {
    const topic = 'ToAli';
    await mq.createTopic(topic);
    await using producer = new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'ours' });
    await producer.start();
    const small = { topic, tags: 'Paid', keys: 'small', body: 'hello' };
    const large = { topic, tags: 'Closed', keys: 'large', body: 'x'.repeat(20_000) };
    await producer.send(small);
    await producer.send({ topic, tags: 'Created', keys: 'unwanted', body: 'no' });
    await producer.send(large);
    await using consumer = await client.consume({ topic, group: 'ali', tags: 'Paid || Closed' });
    const received = await consumer.distinct(2);
    expect(new Map(received.map((got) => [got.key, got.bodyCrc32]))).toEqual(
      new Map([
        ['small', crc32(small.body)],
        ['large', crc32(large.body)],
      ]),
    );
  });
});
