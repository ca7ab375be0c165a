import { connect } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { BrokerConfig } from '../../../mq/broker/config.ts';
import { isTopicOnAnyBroker } from '../../../mq/broker/topic-lookup.ts';
import { Admin, Producer, PushConsumer } from '../../../mq/index.ts';
import { decodeRecords } from '../../../mq/protocol/message.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { RemotingClient } from '../../../mq/remoting/remoting-client.ts';
import { testBroker } from '../../../mq/testkit.ts';
import { until } from '../../support/deadline.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { BrokerUnderTest } from './broker-under-test.ts';
import { ConsumerUnderTest, pullReply } from './consumer-under-test.ts';

const cleanUps: AsyncDisposable[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp[Symbol.asyncDispose]();
});
function closing<T extends AsyncDisposable>(thing: T): T {
  cleanUps.push(thing);
  return thing;
}

describe('consumers of one group that want different messages of a topic', () => {
  async function setUp(config: Partial<BrokerConfig> = {}, clock?: FakeClock) {
    const broker = closing(await BrokerUnderTest.start({ config, ...(clock && { clock }) }));
    await broker.createTopic('T', 1);
    const [older, newer] = ['older', 'newer'].map((id) => {
      const consumer = new ConsumerUnderTest(broker.broker.address, id);
      closing({ [Symbol.asyncDispose]: () => consumer.close() });
      return consumer;
    }) as [ConsumerUnderTest, ConsumerUnderTest];
    for (const [tag, price] of [
      ['a', '1'],
      ['c', '2'],
      ['a', '3'],
      ['b', '4'],
      ['a', '5'],
    ] as const) {
      await broker.send({ topic: 'T', body: tag + price, properties: { TAGS: tag, price } });
    }
    const pulled = async (consumer: ConsumerUnderTest, queueOffset: number): Promise<unknown> => {
      const reply = await consumer.pull({ topic: 'T', queueOffset });
      if (reply.code !== ResponseCode.SUCCESS) return [reply.code, reply.remark];
      return [
        ...decodeRecords(reply.body!).map(({ body }) => body.toString()),
        pullReply(reply).nextBeginOffset,
      ];
    };
    return { broker, older, newer, pulled };
  }

  it('get their own, up to the first that only another wants; nobody passes that over', async () => {
    const { older, newer, pulled } = await setUp();
    await older.heartbeat({ topics: { T: 'a' }, subVersion: 1 });
    await newer.heartbeat({ topics: { T: 'b' }, subVersion: 2 });
    expect(await pulled(older, 0)).toEqual(['a1', 'a3', 3]);
    expect(await pulled(older, 3)).toEqual([
      ResponseCode.SUBSCRIPTION_NOT_LATEST,
      expect.stringContaining(
        'another member of group cg wants message 3 of T:0, which this one does not subscribe to',
      ),
    ]);
    expect(await pulled(newer, 0)).toEqual([
      ResponseCode.SUBSCRIPTION_NOT_LATEST,
      expect.stringContaining('message 0 of T:0'),
    ]);
    await newer.heartbeat({ topics: { T: 'a || b' }, subVersion: 3 });
    // What it wants covers what the other does: it has nothing to stop at.
    expect(await pulled(newer, 0)).toEqual(['a1', 'a3', 'b4', 'a5', 5]);
    expect(await pulled(older, 0)).toEqual(['a1', 'a3', 3]);
    await older.heartbeat({ topics: { T: 'b||a' }, subVersion: 4 });
    expect(await pulled(older, 3)).toEqual(['b4', 'a5', 5]);
  });

  it('by properties, too', async () => {
    const { older, newer, pulled } = await setUp();
    await older.heartbeat({ topics: { T: 'b' }, subVersion: 1 });
    await newer.heartbeat({ topics: { T: { sql: 'price > 4' } }, subVersion: 2 });
    expect(await pulled(newer, 0)).toEqual([
      ResponseCode.PULL_RETRY_IMMEDIATELY,
      expect.anything(),
    ]);
    expect(await pulled(newer, 3)).toEqual([
      ResponseCode.SUBSCRIPTION_NOT_LATEST,
      expect.stringContaining('message 3 of T:0'),
    ]);
    expect(await pulled(newer, 4)).toEqual(['a5', 5]);
    expect(await pulled(older, 0)).toEqual(['b4', 4]);
  });

  it('go on as before when the one that differed has left', async () => {
    const { older, newer, pulled } = await setUp();
    await older.heartbeat({ topics: { T: 'a' }, subVersion: 1 });
    await newer.heartbeat({ topics: { T: 'b' }, subVersion: 2 });
    await newer.unregister();
    expect(await pulled(older, 0)).toEqual(['a1', 'a3', 'a5', 5]);
  });

  it('all wait, but those that want everything, when they want more things than can be told apart', async () => {
    const { broker, older, newer, pulled } = await setUp();
    await older.heartbeat({ topics: { T: 'a' }, subVersion: 1 });
    await newer.heartbeat({ topics: { T: '*' }, subVersion: 1 });
    const join = async (index: number): Promise<void> => {
      const other = new ConsumerUnderTest(broker.broker.address, `other${index}`);
      closing({ [Symbol.asyncDispose]: () => other.close() });
      await other.heartbeat({ topics: { T: `tag${index}` }, subVersion: 1 });
    };
    for (let index = 0; index < 15; index++) await join(index);
    expect(await pulled(older, 0)).toEqual(['a1', 1]);
    await join(15);
    expect(await pulled(older, 0)).toEqual([
      ResponseCode.SUBSCRIPTION_NOT_LATEST,
      expect.stringContaining('want 17 different things of T, at most 16 are told apart'),
    ]);
    expect(await pulled(newer, 0)).toEqual(['a1', 'c2', 'a3', 'b4', 'a5', 5]);
  });

  it('pass over nothing of one that has lost its connection, for as long as it may be back', async () => {
    const clock = new FakeClock();
    const { broker, older, newer, pulled } = await setUp({}, clock);
    await older.heartbeat({ topics: { T: 'a' }, subVersion: 1 });
    await newer.heartbeat({ topics: { T: 'b' }, subVersion: 2 });
    await newer.close();
    await until(() => broker.broker.context.consumers.get('cg')?.members.size === 1);
    expect(await pulled(older, 0)).toEqual(['a1', 'a3', 3]);
    await clock.advanceAndSettle(59_999);
    expect(await pulled(older, 3)).toEqual([
      ResponseCode.SUBSCRIPTION_NOT_LATEST,
      expect.anything(),
    ]);
    await clock.advanceAndSettle(1);
    expect(await pulled(older, 3)).toEqual(['a5', 5]);
  });

  it('go on with a topic that the other does not subscribe to', async () => {
    const { older, newer, pulled } = await setUp();
    await older.heartbeat({ topics: { T: '*' }, subVersion: 1 });
    await newer.heartbeat({ topics: { U: '*' }, subVersion: 2 });
    expect(await pulled(older, 0)).toEqual(['a1', 'c2', 'a3', 'b4', 'a5', 5]);
  });

  it('are told where the queue begins, whatever offset they ask for', async () => {
    const { broker, older, newer } = await setUp();
    await older.heartbeat({ topics: { T: 'a' }, subVersion: 1 });
    const alone = await older.pull({ topic: 'T', queueOffset: -1 });
    await newer.heartbeat({ topics: { T: 'b' }, subVersion: 2 });
    for (const queueOffset of [-1, Number.MIN_SAFE_INTEGER]) {
      const reply = await older.pull({ topic: 'T', queueOffset });
      expect([reply.code, reply.remark]).toEqual([alone.code, alone.remark]);
      expect(pullReply(reply)).toEqual(pullReply(alone));
    }
    expect(pullReply(await older.pull({ topic: 'T', queueOffset: 99 })).nextBeginOffset).toBe(5);
    expect(broker.broker.context.store.maxOffset('T', 0)).toBe(5);
  });

  it('are not served what another wants, when they pull on a new connection before they say what they want', async () => {
    const { broker, older, newer, pulled } = await setUp();
    await older.heartbeat({ topics: { T: 'a' }, subVersion: 1 });
    await newer.heartbeat({ topics: { T: 'b' }, subVersion: 2 });
    const back = new ConsumerUnderTest(broker.broker.address, 'older');
    closing({ [Symbol.asyncDispose]: () => back.close() });
    const refused = [
      ResponseCode.SUBSCRIPTION_NOT_LATEST,
      expect.stringContaining('no heartbeat has said on this connection'),
    ];
    expect(await pulled(back, 0)).toEqual(refused);
    await older.close();
    await until(() => broker.broker.context.consumers.get('cg')?.members.size === 1);
    expect(await pulled(back, 0)).toEqual(refused);
    // Nor when everybody was cut off, and the other is back first.
    await newer.close();
    await until(() => broker.broker.context.consumers.get('cg') === undefined);
    const newerBack = new ConsumerUnderTest(broker.broker.address, 'newer');
    closing({ [Symbol.asyncDispose]: () => newerBack.close() });
    await newerBack.heartbeat({ topics: { T: 'b' }, subVersion: 2 });
    expect(await pulled(back, 0)).toEqual(refused);
    await back.heartbeat({ topics: { T: 'a' }, subVersion: 1 });
    expect(await pulled(back, 0)).toEqual(['a1', 'a3', 3]);
  });

  it('wait for the heartbeat that says what they want now, though another has a newer subscription', async () => {
    const { older, newer, pulled } = await setUp();
    await older.heartbeat({ topics: { T: 'a' }, subVersion: 1 });
    await newer.heartbeat({ topics: { T: 'b' }, subVersion: 5 });
    const notYet = async (): Promise<void> => {
      const reply = await older.pull({ topic: 'T', subVersion: 3 });
      expect([reply.code, reply.remark]).toEqual([
        ResponseCode.SUBSCRIPTION_NOT_LATEST,
        expect.stringContaining('subVersion 1 is known, 3 is asked for'),
      ]);
    };
    await notYet();
    await newer.heartbeat({ topics: { T: 'a' }, subVersion: 6 });
    await notYet();
    expect(await pulled(older, 0)).toEqual(['a1', 'a3', 'a5', 5]);
  });

  it('are not held up by one whose expression is refused', async () => {
    const { older, newer, pulled } = await setUp();
    await older.heartbeat({ topics: { T: 'a' }, subVersion: 1 });
    await newer.heartbeat({ topics: { T: { sql: 'price >' } }, subVersion: 2 });
    expect(await pulled(older, 0)).toEqual(['a1', 'a3', 'a5', 5]);
    expect(await pulled(newer, 0)).toEqual([
      ResponseCode.SUBSCRIPTION_PARSE_FAILED,
      expect.stringContaining('position 8'),
    ]);
  });

  it('are not held up by one that selects by properties where that is switched off', async () => {
    const { older, newer, pulled } = await setUp({ enablePropertyFilter: false });
    await older.heartbeat({ topics: { T: 'a' }, subVersion: 2 });
    for (const subVersion of [3, 1]) {
      await newer.heartbeat({ topics: { T: { sql: 'price > 1' } }, subVersion });
      expect(await pulled(older, 0)).toEqual(['a1', 'a3', 'a5', 5]);
      expect(await pulled(newer, 0)).toEqual([
        ResponseCode.SYSTEM_ERROR,
        expect.stringContaining('enablePropertyFilter is false'),
      ]);
    }
  });

  it('each get their own of every queue when they broadcast', async () => {
    const { older, newer, pulled } = await setUp();
    await older.heartbeat({ topics: { T: 'a' }, subVersion: 1, messageModel: 'BROADCASTING' });
    await newer.heartbeat({ topics: { T: 'b' }, subVersion: 2, messageModel: 'BROADCASTING' });
    expect(await pulled(older, 0)).toEqual(['a1', 'a3', 'a5', 5]);
    expect(await pulled(newer, 0)).toEqual(['b4', 5]);
  });

  it('lose nothing: once all subscribe alike, every message is consumed', async () => {
    const mq = closing(await testBroker({ timeoutMs: 15_000 }));
    await mq.createTopic('T', 4);
    const got = new Set<string>();
    const consumer = async (tags: string): Promise<PushConsumer> => {
      const started = new PushConsumer({
        namesrvAddr: mq.namesrvAddr,
        consumerGroup: 'g',
        consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      });
      closing(started);
      started.subscribe('T', tags).onMessage((message) => void got.add(message.text()));
      await started.start();
      return started;
    };
    const producer = closing(new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'p' }));
    const all: string[] = [];
    const send = async (count: number): Promise<void> => {
      for (let sent = 0; sent < count; sent++) {
        const tags = sent % 2 === 0 ? 'a' : 'b';
        all.push(`${tags}${all.length}`);
        await producer.send({ topic: 'T', tags, body: all.at(-1)! });
      }
    };
    const first = await consumer('a || b');
    await send(16);
    const second = await consumer('b');
    await until(() => mq.findings().length > 0);
    await send(16);
    first.subscribe('T', 'a || b');
    await until(() => first.assignedQueues().length > 0);
    await send(16);
    second.subscribe('T', 'b || a');
    await until(() => got.size === all.length, { timeoutMs: 30_000, what: 'all messages' });
    expect(mq.findings()).toMatchObject([{ kind: 'SUBSCRIPTIONS_DIFFER', subject: 'g T' }]);
  });
});

describe('two live clients with one clientId', () => {
  it('are listed once and found out by their heartbeats', async () => {
    const broker = closing(await BrokerUnderTest.start());
    const twins = [1, 2].map(() => new ConsumerUnderTest(broker.broker.address, 'twin'));
    for (const twin of twins) closing({ [Symbol.asyncDispose]: () => twin.close() });
    for (const twin of [...twins, ...twins]) await twin.heartbeat();
    const { consumers, findings } = broker.broker.context;
    expect(consumers.clientIds('cg')).toEqual(['twin']);
    expect(findings.list()).toMatchObject([{ kind: 'CLIENT_ID_SHARED', subject: 'cg twin' }]);
  });
});

describe('a group that subscribes to a topic nobody has', () => {
  it('is found out by its second heartbeat, by a broker without name servers', async () => {
    const clock = new FakeClock();
    const broker = closing(await BrokerUnderTest.start({ clock }));
    const consumer = new ConsumerUnderTest(broker.broker.address, 'c');
    closing({ [Symbol.asyncDispose]: () => consumer.close() });
    const { findings } = broker.broker.context;
    expect((await consumer.heartbeat({ topics: { Mistyped: '*' } })).code).toBe(0);
    clock.advance(30_000);
    expect((await consumer.heartbeat({ topics: { Mistyped: '*' } })).code).toBe(0);
    await until(() => findings.list().length > 0);
    expect(findings.list()).toMatchObject([{ kind: 'TOPIC_NOT_EXIST', subject: 'cg Mistyped' }]);
  });

  it('is not accused while the topic is on another broker, as the name servers say', async () => {
    const mq = closing(await testBroker());
    await mq.createTopic('T');
    const client = new RemotingClient();
    closing({ [Symbol.asyncDispose]: () => client.close() });
    const ask = (topic: string, ...dead: string[]): Promise<boolean | undefined> =>
      isTopicOnAnyBroker(client, [...dead, mq.namesrvAddr], topic);
    expect(await ask('T', '127.0.0.1:1')).toBe(true);
    expect(await ask('U')).toBe(false);
    expect(await isTopicOnAnyBroker(client, ['127.0.0.1:1'], 'T')).toBeUndefined();
  });
});

describe('a peer that speaks another protocol', () => {
  const openings: [string, Buffer, string][] = [
    ['TLS', Buffer.from('160301020001000000', 'hex'), 'TLS'],
    ['gRPC', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 'HTTP/2 (gRPC?)'],
    ['HTTP', Buffer.from('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'), 'HTTP/1 (GET)'],
  ];

  it.each(openings)(
    '%s is cut off, and one finding says so for its host',
    async (_name, bytes, what) => {
      const mq = closing(await testBroker());
      const port = Number(mq.brokerAddr.split(':').at(-1));
      for (let attempt = 0; attempt < 3; attempt++) {
        const socket = connect(port, '127.0.0.1');
        const closed = once(socket, 'close');
        socket.resume().write(bytes);
        await closed;
      }
      expect(mq.findings()).toMatchObject([{ kind: 'FOREIGN_PROTOCOL', seenCount: 3 }]);
      expect(mq.findings()[0]!.what).toContain(`tried ${what}`);
    },
  );
});

describe('the findings', () => {
  it('are told to an admin, by broker', async () => {
    const mq = closing(await testBroker());
    const admin = closing(new Admin({ namesrvAddr: mq.namesrvAddr }));
    expect(await admin.findings()).toEqual([]);
    mq.broker.context.findings.report({
      kind: 'TOPIC_NOT_EXIST',
      subject: 's',
      what: 'w',
      advice: 'a',
      addresses: ['h:1'],
    });
    expect(await admin.findings()).toEqual([{ brokerName: 'broker-a', ...mq.findings()[0] }]);
  });
});
