import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { encodeClientConfigBody } from '../../../../mq/protocol/client-config.ts';
import { decodeRecords } from '../../../../mq/protocol/message.ts';
import { javaHashCode } from '../../../../mq/protocol/properties.ts';
import { RequestCode } from '../../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../../mq/protocol/response-code.ts';
import { tagLimits, type MessageSelector } from '../../../../mq/protocol/subscription.ts';
import { PullSysFlag } from '../../../../mq/protocol/sys-flag.ts';
import { until } from '../../../support/deadline.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { BrokerUnderTest } from '../broker-under-test.ts';
import { ConsumerUnderTest, pullReply, subscription } from '../consumer-under-test.ts';

let broker: BrokerUnderTest;
let consumer: ConsumerUnderTest;
let topicCount = 0;
let topic: string;
let group: string;

beforeAll(async () => {
  // A scan ends when its time is up, which on a busy machine may be after its first record.
  broker = await BrokerUnderTest.start({ clock: new FakeClock() });
});
afterAll(() => broker[Symbol.asyncDispose]());

beforeEach(async () => {
  topic = `Topic${++topicCount}`;
  group = `group${topicCount}`;
  await broker.createTopic(topic);
  consumer = new ConsumerUnderTest(broker.broker.address, 'c1');
});
afterEach(() => consumer.close());

const subscribe = (selector: MessageSelector, subVersion = 1) =>
  consumer.heartbeat({ group, topics: { [topic]: selector }, subVersion });
/** As a push consumer pulls: without its expression. */
const pull = (fields: Parameters<ConsumerUnderTest['pull']>[0] = {}) =>
  consumer.pull({ consumerGroup: group, topic, ...fields });
/** As a pull consumer pulls. */
const pullBySql = (sql: string, code?: number) =>
  consumer.pull(
    {
      consumerGroup: group,
      topic,
      sysFlag: PullSysFlag.SUBSCRIPTION,
      subscription: sql,
      expressionType: 'SQL92',
    },
    code === undefined ? {} : { code },
  );
const heldCount = (): number => broker.broker.context.longPolling.heldCount;

async function send(properties: Record<string, string>): Promise<void> {
  const reply = await broker.send({ topic, body: Object.values(properties).join(','), properties });
  expect(reply.code).toBe(ResponseCode.SUCCESS);
}

function bodiesOf(reply: { body?: Buffer | undefined }): string[] {
  return decodeRecords(reply.body ?? Buffer.alloc(0)).map(({ body }) => body.toString());
}

describe('a pull of a group that selects by SQL92', () => {
  it('brings what the filter wants, and goes on behind what it does not', async () => {
    await subscribe({ sql: 'n BETWEEN 3 AND 4 OR n = 9' });
    for (let n = 1; n <= 6; n++) await send({ n: String(n) });
    const reply = await pull();
    expect([reply.code, bodiesOf(reply)]).toEqual([ResponseCode.SUCCESS, ['3', '4']]);
    expect(pullReply(reply)).toMatchObject({ nextBeginOffset: 6, minOffset: 0, maxOffset: 6 });
    const nothing = await pull({ queueOffset: 4 });
    expect([nothing.code, nothing.remark]).toEqual([
      ResponseCode.PULL_RETRY_IMMEDIATELY,
      'NO_MATCHED_MESSAGE',
    ]);
    expect(pullReply(nothing).nextBeginOffset).toBe(6);
  });

  it('stops behind the last message it has room for', async () => {
    await subscribe({ sql: "TAGS = 'even'" });
    for (let n = 1; n <= 8; n++) await send({ n: String(n), TAGS: n % 2 === 0 ? 'even' : 'odd' });
    const two = await pull({ maxMsgNums: 2 });
    expect(bodiesOf(two)).toEqual(['2,even', '4,even']);
    expect(pullReply(two).nextBeginOffset).toBe(4);
    const small = await pull({ queueOffset: 4, maxMsgBytes: 10 });
    expect(bodiesOf(small)).toEqual(['6,even']);
    expect(bodiesOf(await pull({ queueOffset: pullReply(small).nextBeginOffset }))).toEqual([
      '8,even',
    ]);
  });

  it('sees the properties the broker and the client have set', async () => {
    await subscribe({ sql: "UNIQ_KEY IS NOT NULL AND KEYS = 'k1' AND __SHARDINGKEY = 's'" });
    await send({ UNIQ_KEY: 'u', KEYS: 'k1', __SHARDINGKEY: 's' });
    expect(bodiesOf(await pull())).toEqual(['u,k1,s']);
  });

  it('is held at the end, and brings the first message that it wants', async () => {
    await subscribe({ sql: 'n > 2' });
    const reply = pull({ suspendTimeoutMillis: 60_000 });
    await until(() => heldCount() === 1);
    await send({ n: '1' });
    await send({ m: '3' });
    await send({ n: 'three' });
    expect(heldCount()).toBe(1);
    await send({ n: '3' });
    expect(bodiesOf(await reply)).toEqual(['3']);
    expect(pullReply(await reply).nextBeginOffset).toBe(4);
  });

  it.each([
    ['expression', { sql: "n = '1'" }, { sql: "n = '2'" }],
    ['tags', 'a', 'b'],
  ])(
    'that is held while its %s change is told to ask again where it is',
    async (_what, before, after) => {
      await subscribe(before);
      await send({ n: '0' });
      const reply = pull({ queueOffset: 1, suspendTimeoutMillis: 60_000 });
      await until(() => heldCount() === 1);
      await subscribe(after, 2);
      // Its consumer would look at what comes with the eyes of the subscription that it had when it asked.
      expect((await reply).code).toBe(ResponseCode.PULL_RETRY_IMMEDIATELY);
      expect(pullReply(await reply).nextBeginOffset).toBe(1);
      const again = pull({ queueOffset: 1, suspendTimeoutMillis: 60_000 });
      await until(() => heldCount() === 1);
      await send({ n: '1', TAGS: 'a' });
      expect(heldCount()).toBe(1);
      await send({ n: '2', TAGS: 'b' });
      expect(pullReply(await again).nextBeginOffset).toBe(3);
      expect(bodiesOf(await again)).toHaveLength(1);
    },
  );

  it('waits for its heartbeat instead of being served by an older filter', async () => {
    const early = await pull({ expressionType: 'SQL92' });
    expect(early.code).toBe(ResponseCode.SUBSCRIPTION_NOT_EXIST);
    await subscribe({ sql: 'a = 1' }, 5);
    expect((await pull({ subVersion: 6 })).code).toBe(ResponseCode.SUBSCRIPTION_NOT_LATEST);
    expect((await pull({ subVersion: 5 })).code).toBe(ResponseCode.PULL_NOT_FOUND);
  });

  it('waits while the filter is not there, or an older one is', async () => {
    const { consumerFilters } = broker.broker.context;
    await subscribe({ sql: 'a = 1' }, 5);
    const older = subscription(topic, { sql: 'a = 2' }, 4);
    consumerFilters.follow(group, new Map([[topic, older]]));
    const stale = await pull({ subVersion: 5 });
    expect([stale.code, stale.remark]).toEqual([
      ResponseCode.FILTER_DATA_NOT_LATEST,
      "the consumer's consumer filter data not latest: version 4 is known, 5 is asked for",
    ]);
    consumerFilters.follow(group, undefined);
    const missing = await pull({ subVersion: 5 });
    expect(missing.code).toBe(ResponseCode.FILTER_DATA_NOT_EXIST);
    expect(missing.remark).toContain('no heartbeat of the group has brought one');
    await subscribe({ sql: 'a = 1' }, 5);
    expect((await pull({ subVersion: 5 })).code).toBe(ResponseCode.PULL_NOT_FOUND);
  });

  it('gets nothing while the expression does not parse, and the other groups of the heartbeat live', async () => {
    await send({ a: '1' });
    const beat = await subscribe({ sql: 'a >' });
    expect(beat.code).toBe(ResponseCode.SUCCESS);
    const refused = await pull();
    expect(refused.code).toBe(ResponseCode.FILTER_DATA_NOT_EXIST);
    expect(refused.remark).toContain(
      "The broker's consumer filter data is not exist!Your expression may be wrong! ",
    );
    expect(refused.remark).toContain('at position 4: found the end');
    await subscribe({ sql: 'a > 0' }, 2);
    expect(bodiesOf(await pull({ subVersion: 2 }))).toEqual(['1']);
    await subscribe({ sql: 'a > > 0' }, 3);
    expect((await pull({ subVersion: 3 })).code).toBe(ResponseCode.FILTER_DATA_NOT_EXIST);
  });
});

describe('a pull that brings its SQL92 expression', () => {
  it('is served by it, as LITE_PULL_MESSAGE too, without any heartbeat', async () => {
    for (const n of ['1', '2', '3']) await send({ n });
    expect(bodiesOf(await pullBySql('n <> 2'))).toEqual(['1', '3']);
    expect(bodiesOf(await pullBySql('n = 2', RequestCode.LITE_PULL_MESSAGE))).toEqual(['2']);
  });

  it('is refused when it does not parse, with the position', async () => {
    await send({ n: '1' });
    const refused = await pullBySql('n == 1');
    expect([refused.code, refused.body]).toEqual([
      ResponseCode.SUBSCRIPTION_PARSE_FAILED,
      undefined,
    ]);
    expect(refused.remark).toContain('at position 4: found =');
    const unknown = await pull({
      sysFlag: PullSysFlag.SUBSCRIPTION,
      subscription: 'n',
      expressionType: 'XPATH',
    });
    expect(unknown.code).toBe(ResponseCode.SUBSCRIPTION_PARSE_FAILED);
    expect(unknown.remark).toContain('expression type "XPATH" is neither TAG nor SQL92');
  });
});

describe('a pull by tags', () => {
  it('brings messages of another tag with the same hash: telling them apart is the client’s', async () => {
    expect(javaHashCode('Aa')).toBe(javaHashCode('BB'));
    await subscribe('Aa || C');
    for (const TAGS of ['Aa', 'BB', 'C', 'D']) await send({ TAGS });
    expect(bodiesOf(await pull())).toEqual(['Aa', 'BB', 'C']);
  });

  it('is refused when the expression has too many', async () => {
    const tags = Array.from({ length: tagLimits.maxTags + 1 }, (_, each) => `t${each}`).join('||');
    const refused = await pull({ sysFlag: PullSysFlag.SUBSCRIPTION, subscription: tags });
    expect(refused.code).toBe(ResponseCode.SUBSCRIPTION_PARSE_FAILED);
    expect(refused.remark).toContain(`has ${tagLimits.maxTags + 1} tags, at most`);
    const codeSet = tags.split('||').map(javaHashCode);
    const many = { ...subscription(topic, 't1', 1), subString: tags, codeSet };
    const { clientId } = consumer;
    const beat = await consumer.request(RequestCode.HEART_BEAT, undefined, {
      body: JSON.stringify({
        clientID: clientId,
        consumerDataSet: [{ groupName: group, subscriptionDataSet: [many] }],
      }),
    });
    expect(beat.code).toBe(ResponseCode.SUCCESS);
    expect((await pull()).code).toBe(ResponseCode.SUBSCRIPTION_PARSE_FAILED);
  });
});

describe('CHECK_CLIENT_CONFIG', () => {
  const check = (selector: MessageSelector, on = consumer) =>
    on.request(RequestCode.CHECK_CLIENT_CONFIG, undefined, {
      body: encodeClientConfigBody({
        clientId: 'c1',
        group,
        subscriptionData: subscription(topic, selector, 1),
      }),
    });

  it('takes tags and what parses', async () => {
    expect((await check('a || b')).code).toBe(ResponseCode.SUCCESS);
    expect((await check({ sql: "a CONTAINS 'x'" })).code).toBe(ResponseCode.SUCCESS);
  });

  it('refuses what does not parse, with the position', async () => {
    const refused = await check({ sql: 'a LIKE 1' });
    expect(refused.code).toBe(ResponseCode.SUBSCRIPTION_PARSE_FAILED);
    expect(refused.remark).toContain('at position 3: found LIKE');
  });

  it('refuses every SQL92 where property filters are off, as do pulls', async () => {
    await using off = await BrokerUnderTest.start({ config: { enablePropertyFilter: false } });
    await off.createTopic(topic);
    await using other = new ConsumerUnderTest(off.broker.address, 'c1');
    const refused = await check({ sql: 'a = 1' }, other);
    expect([refused.code, refused.remark]).toEqual([
      ResponseCode.SYSTEM_ERROR,
      'The broker does not support consumer to filter message by SQL92, enablePropertyFilter is false',
    ]);
    expect((await check('a', other)).code).toBe(ResponseCode.SUCCESS);
    await other.heartbeat({ group, topics: { [topic]: { sql: 'a = 1' } } });
    const pulled = await other.pull({ consumerGroup: group, topic });
    expect(pulled.code).toBe(ResponseCode.SYSTEM_ERROR);
  });
});
