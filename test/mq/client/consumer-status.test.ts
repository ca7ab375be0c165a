import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Producer, PushConsumer } from '../../../mq/index.ts';
import { decodeConsumerStatus } from '../../../mq/protocol/consumer-status.ts';
import { requestCommand, type RemotingCommand } from '../../../mq/protocol/frame.ts';
import { getConsumerStatusFromClient } from '../../../mq/protocol/requests/get-consumer-status-from-client.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';

let mq: TestBroker;
let consumer: PushConsumer;

beforeEach(async () => {
  mq = await testBroker({ timeoutMs: 15_000 });
  await mq.createTopic('T', 1);
  consumer = new PushConsumer({
    namesrvAddr: mq.namesrvAddr,
    consumerGroup: 'g',
    persistIntervalMs: 24 * 60 * 60_000,
  });
  await consumer
    .subscribe('T')
    .onMessage(() => undefined)
    .start();
});
afterEach(async () => {
  await consumer.shutdown();
  await mq.close();
});

async function ask(group: string, topic: string): Promise<RemotingCommand> {
  const members = mq.broker.context.consumers.get('g')!.members;
  const connection = [...mq.broker.context.connections()].find((each) => members.has(each));
  const { code } = getConsumerStatusFromClient;
  const extFields = getConsumerStatusFromClient.encodeRequest({ group, topic });
  return await connection!.request(requestCommand({ code, extFields }), { timeoutMs: 15_000 });
}

describe('a consumer that is asked how far it has come', () => {
  it('says so for each of its queues of the topic', async () => {
    await using producer = new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'test' });
    for (const body of ['a', 'b']) await producer.send({ topic: 'T', body });
    await mq.consumed('g', 'T');
    const queue = { topic: 'T', brokerName: 'broker-a', queueId: 0 };
    expect(decodeConsumerStatus((await ask('g', 'T')).body)).toEqual(new Map([[queue, 2]]));
    expect(decodeConsumerStatus((await ask('g', 'OTHER')).body)).toEqual(new Map());
  });

  it('does not speak for another group', async () => {
    expect(await ask('another', 'T')).toMatchObject({
      code: ResponseCode.SYSTEM_ERROR,
      remark: 'asked for another, this is g',
    });
  });
});
