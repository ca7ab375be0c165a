import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Producer,
  PushConsumer,
  type ConsumedMessage,
  type ConsumeResult,
  type MessageSelector,
} from '../../../mq/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { until } from '../../support/deadline.ts';
import { closeOpened, open } from '../../support/opened.ts';

let mq: TestBroker;
let producer: Producer;

beforeEach(async () => {
  // Level 3 is where retries begin.
  mq = open(await testBroker({ messageDelayLevel: '1s 1s 1s 1s', timeoutMs: 15_000 }));
  await mq.createTopic('T', 2);
  producer = open(new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'p' }));
});
afterEach(closeOpened);

function consumer(
  selector: MessageSelector,
  handle: (message: ConsumedMessage) => ConsumeResult | undefined = () => undefined,
): { member: PushConsumer; got: ConsumedMessage[] } {
  const got: ConsumedMessage[] = [];
  const member = open(
    new PushConsumer({
      namesrvAddr: mq.namesrvAddr,
      consumerGroup: 'g',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    }),
  );
  member.subscribe('T', selector).onMessage((message) => {
    got.push(message);
    return handle(message);
  });
  return { member, got };
}

async function send(amounts: readonly number[], more: Record<string, string> = {}): Promise<void> {
  for (const amount of amounts) {
    const properties = { ...more, amount: String(amount) };
    await producer.send({ topic: 'T', body: String(amount), properties });
  }
}

const bodies = (got: readonly ConsumedMessage[]): string[] =>
  got.map((message) => message.text()).toSorted();

describe('a consumer that selects by SQL92', () => {
  it('gets what the expression wants, and is through with the rest', async () => {
    await send([5, 50, 500]);
    const { member, got } = consumer({ sql: "amount > 10 AND (region IS NULL OR region = 'EU')" });
    expect(await mq.lag('g', 'T')).toBe(3);
    await member.start();
    await mq.consumed('g', 'T');
    await send([60], { region: 'US' });
    await send([6, 70], { region: 'EU' });
    await mq.consumed('g', 'T');
    expect(bodies(got)).toEqual(['50', '500', '70']);
    expect(await mq.lag('g', 'T')).toBe(0);
  });

  it('gets a message again that it failed at', async () => {
    const { member, got } = consumer({ sql: 'amount > 10' }, ({ reconsumeTimes }) =>
      reconsumeTimes === 0 ? 'RECONSUME_LATER' : undefined,
    );
    await member.start();
    await send([5, 50]);
    await mq.drain('g', 'T');
    expect(got.map(({ reconsumeTimes, topic }) => [topic, reconsumeTimes])).toEqual([
      ['T', 0],
      ['T', 1],
    ]);
  });

  it('may change its mind while it runs', async () => {
    const { member, got } = consumer({ sql: 'amount > 10' });
    await member.start();
    await send([50]);
    await mq.consumed('g', 'T');
    member.subscribe('T', { sql: 'amount < 10' });
    await until(
      () => mq.broker.context.consumerFilters.get('g', 'T')?.expression === 'amount < 10',
    );
    await send([6, 60]);
    await mq.consumed('g', 'T');
    expect(bodies(got)).toEqual(['50', '6']);
    member.subscribe('T', 'A');
    await until(() => mq.broker.context.consumerFilters.get('g', 'T') === undefined);
    await producer.send({ topic: 'T', body: 'A', tags: 'A', properties: { amount: '7' } });
    await mq.consumed('g', 'T');
    expect(bodies(got)).toEqual(['50', '6', 'A']);
  });

  it('gets nothing it does not want from a broker that was killed and comes back', async () => {
    const { member, got } = consumer({ sql: 'amount > 10' });
    await member.start();
    for (let round = 0; round < 3; round++) {
      await send([round, 100 + round]);
      await mq.consumed('g', 'T');
      await mq.kill();
      await mq.restart();
    }
    await send([9, 109]);
    await mq.consumed('g', 'T');
    // A report may have been lost with the broker: then a message comes twice, but none that was not wanted.
    expect([...new Set(bodies(got))]).toEqual(['100', '101', '102', '109']);
  });

  it('is told by a broker that does not filter', async () => {
    mq = open(await testBroker({ enablePropertyFilter: false }));
    await mq.createTopic('T', 1);
    const { member } = consumer({ sql: 'amount > 10' });
    await expect(member.start()).rejects.toMatchObject({
      code: 'SYSTEM_ERROR',
      message: expect.stringContaining('enablePropertyFilter is false'),
    });
  });
});

describe('a consumer of tags', () => {
  it('gets none of another tag that has the same hash', async () => {
    const { member, got } = consumer('Aa || C');
    await member.start();
    for (const tags of ['Aa', 'BB', 'C', 'D'])
      await producer.send({ topic: 'T', body: tags, tags });
    await mq.consumed('g', 'T');
    expect(bodies(got)).toEqual(['Aa', 'C']);
  });
});
