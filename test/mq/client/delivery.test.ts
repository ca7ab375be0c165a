import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ProducerOptions } from '../../../mq/client/producer-options.ts';
import { Producer } from '../../../mq/client/producer.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { until } from '../../support/deadline.ts';
import { failure } from '../../support/failure.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { closeOpened, open } from '../../support/opened.ts';
import {
  routeOver,
  scriptedBroker,
  scriptedNameServer,
  stored,
  type Routes,
} from './scripted-cluster.ts';
import type { ScriptedPeer } from './scripted-peer.ts';

const SEND = RequestCode.SEND_MESSAGE_V2;
const ROUTE = RequestCode.GET_ROUTEINFO_BY_TOPIC;
const gone = { code: ResponseCode.TOPIC_NOT_EXIST, remark: 'topic[T] not exist' };
/** What brokers of RocketMQ 5, of RocketMQ 4 and of this repository say of a queue that they do not have. */
const illegalQueues = [
  {
    code: ResponseCode.INVALID_PARAMETER,
    remark: 'request queueId[3] is illegal, TopicConfig [topicName=T, …] Producer: 127.0.0.1:1',
  },
  { code: ResponseCode.SYSTEM_ERROR, remark: 'request queueId[3] is illegal, TopicConfig [T]' },
  {
    code: ResponseCode.INVALID_PARAMETER,
    remark: 'queueId 3 is outside the 1 queues of topic[T]',
  },
];

let routes: Routes;
let a: ScriptedPeer;
let b: ScriptedPeer;
let nameServer: ScriptedPeer;

function producer(options: Partial<ProducerOptions> = {}): Producer {
  return open(
    new Producer({
      namesrvAddr: nameServer.address,
      producerGroup: 'g',
      sendTimeoutMs: 30_000,
      ...options,
    }),
  );
}

beforeEach(async () => {
  a = open(await scriptedBroker());
  b = open(await scriptedBroker());
  routes = { T: routeOver([a, b]) };
  nameServer = open(await scriptedNameServer(routes));
});

afterEach(closeOpened);

const sends = (peer: ScriptedPeer): number => peer.requests(SEND).length;
const looked = (): number => nameServer.requests(ROUTE).length;
const hello = { topic: 'T', body: 'x' };

/** Nobody answers them: they end with their time. */
async function endOf(sending: readonly Promise<unknown>[], clock: FakeClock): Promise<void> {
  let ended = 0;
  for (const one of sending) void one.then(() => ended++);
  await clock.advanceUntil(() => ended === sending.length);
}

describe('a queue that is gone', () => {
  it.each(illegalQueues)(
    'is looked for at once, and the message goes to one there is: %j',
    async (reply) => {
      routes['T'] = routeOver([a], 4);
      // The topic has shrunk to one queue since the producer asked.
      a.on(SEND, (request, answer) => {
        answer(request.extFields?.['e'] === '0' ? { code: 0, extFields: stored } : reply);
      });
      const sender = producer();
      await sender.queues('T');
      routes['T'] = routeOver([a], 1);
      for (let count = 0; count < 4; count++) {
        await expect(sender.send(hello)).resolves.toMatchObject({ messageQueue: { queueId: 0 } });
      }
      expect(looked()).toBe(2);
      await expect(sender.queues('T')).resolves.toHaveLength(1);
    },
  );

  it('moves a message to another broker, and no message goes to that one any more', async () => {
    a.answer(SEND, gone);
    const sender = producer();
    await sender.queues('T');
    routes['T'] = { ...routeOver([a, b]), queueDatas: routeOver([a, b]).queueDatas.slice(1) };
    for (let count = 0; count < 6; count++) {
      const { messageQueue } = await sender.send(hello);
      expect(messageQueue.brokerName).toBe('broker-b');
    }
    expect(sends(a)).toBeLessThanOrEqual(1);
  });

  it('moves a message to another broker although no name server answers', async () => {
    a.answer(SEND, gone);
    const sender = producer();
    await sender.queues('T');
    await nameServer.vanish();
    for (let count = 0; count < 2; count++) {
      const { messageQueue } = await sender.send(hello);
      expect(messageQueue.brokerName).toBe('broker-b');
    }
  });

  it('fails the message at once when there is no other and the route is as it was', async () => {
    routes['T'] = routeOver([a]);
    a.answer(SEND, gone);
    await expect(failure(producer().send(hello))).resolves.toMatchObject({
      code: 'TOPIC_NOT_EXIST',
    });
    expect(sends(a)).toBe(1);
  });

  it('does not move a message that has a queue of its caller’s, which learns of the new ones', async () => {
    routes['T'] = routeOver([a, b], 4);
    for (const peer of [a, b]) peer.answer(SEND, illegalQueues[0]);
    const sender = producer();
    const before = await sender.queues('T');
    routes['T'] = routeOver([a, b], 1);
    const queue = before.find(
      ({ brokerName, queueId }) => brokerName === 'broker-a' && queueId === 3,
    )!;
    for (const options of [{ queue }, { select: () => queue }]) {
      await expect(failure(sender.send(hello, options))).resolves.toMatchObject({
        code: 'INVALID_PARAMETER',
      });
    }
    await expect(failure(sender.send({ ...hello, shardingKey: 'key' }))).resolves.toMatchObject({
      code: 'INVALID_PARAMETER',
    });
    const asked = [...a.requests(SEND), ...b.requests(SEND)];
    expect(asked).toHaveLength(3);
    expect(asked.slice(0, 2).map(({ extFields }) => extFields?.['e'])).toEqual(['3', '3']);
    await until(async () => (await sender.queues('T')).length === 2);
  });

  it('of a topic that every broker denies is believed when the name server denies it, too', async () => {
    for (const peer of [a, b]) peer.answer(SEND, gone);
    const sender = producer();
    await sender.queues('T');
    delete routes['T'];
    await expect(failure(sender.send(hello))).resolves.toMatchObject({
      code: 'NO_ROUTE',
      message: expect.stringContaining('topic T does not exist') as unknown,
    });
    expect([sends(a), sends(b)]).toEqual([1, 1]);
    // It is made anew.
    routes['T'] = routeOver([a]);
    a.answer(SEND, { extFields: stored });
    await expect(sender.send(hello)).resolves.toMatchObject({ status: 'SEND_OK' });
  });

  it('of a topic that one broker has not any more is no reason to forget the others', async () => {
    a.answer(SEND, gone);
    const sender = producer();
    await sender.queues('T');
    // As a name server that has just been started does.
    delete routes['T'];
    for (let count = 0; count < 4; count++) {
      const { messageQueue } = await sender.send(hello);
      expect(messageQueue.brokerName).toBe('broker-b');
    }
    await expect(sender.queues('T')).resolves.toHaveLength(2);
  });

  it('is looked for once, however many messages miss it', async () => {
    const sender = producer({ retryTimesWhenSendFailed: 0 });
    const late: (() => void)[] = [];
    a.on(SEND, (_request, reply) => late.push(() => reply(gone)));
    routes['T'] = routeOver([a]);
    await sender.queues('T');
    const sending = Array.from({ length: 50 }, () => failure(sender.send(hello)));
    await until(() => late.length === 50);
    for (const answer of late) answer();
    await Promise.all(sending);
    await settle();
    expect(looked()).toBe(2);
  });
});

describe('a reply', () => {
  it('goes to the broker that the request came from, and to another when that one fails', async () => {
    const REPLY = RequestCode.SEND_REPLY_MESSAGE_V2;
    const replyTo = {
      correlationId: 'i',
      replyToClient: 'r',
      ttl: '1',
      brokerName: 'broker-a',
    };
    for (const peer of [a, b]) peer.answer(REPLY, { extFields: stored });
    const sender = producer();
    for (let count = 0; count < 4; count++) {
      const { messageQueue } = await sender.send({ ...hello, replyTo });
      expect(messageQueue.brokerName).toBe('broker-a');
    }
    a.answer(REPLY, { code: ResponseCode.SYSTEM_ERROR, remark: 'channel of <r> not found.' });
    const { messageQueue } = await sender.send({ ...hello, replyTo });
    expect(messageQueue.brokerName).toBe('broker-b');
    expect([a.requests(REPLY).length, b.requests(REPLY).length]).toEqual([5, 1]);
  });
});

describe('a broker that may not be written to', () => {
  it('is passed over for another', async () => {
    a.answer(SEND, { code: ResponseCode.NO_PERMISSION, remark: 'sending message is forbidden' });
    const sender = producer();
    for (let count = 0; count < 2; count++) await sender.send(hello);
    expect(sends(b)).toBe(2);
  });
});

describe('a message that is stored less safely than it should be', () => {
  const slow = { code: ResponseCode.FLUSH_DISK_TIMEOUT, extFields: stored };

  it('is tried on another broker when the producer is told to', async () => {
    a.answer(SEND, slow);
    const sender = producer({ retryAnotherBrokerWhenNotStoreOK: true });
    for (let count = 0; count < 2; count++) {
      const { status, messageQueue } = await sender.send(hello);
      expect([status, messageQueue.brokerName]).toEqual(['SEND_OK', 'broker-b']);
    }
  });

  it('is a success all the same when no other takes it better', async () => {
    a.answer(SEND, slow);
    b.answer(SEND, { code: ResponseCode.MESSAGE_ILLEGAL, remark: 'too large for this one' });
    const sender = producer({ retryAnotherBrokerWhenNotStoreOK: true });
    const outcomes = await Promise.allSettled([sender.send(hello), sender.send(hello)]);
    // One began with the broker that refuses it for good.
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(outcomes).toContainEqual({
      status: 'fulfilled',
      value: expect.objectContaining({ status: 'FLUSH_DISK_TIMEOUT' }) as unknown,
    });
  });

  it('stays where it is when its caller chose the queue, or there is no other broker', async () => {
    a.answer(SEND, slow);
    const sender = producer({ retryAnotherBrokerWhenNotStoreOK: true });
    const queue = { topic: 'T', brokerName: 'broker-a', queueId: 0 };
    await expect(sender.send(hello, { queue })).resolves.toMatchObject({
      status: 'FLUSH_DISK_TIMEOUT',
    });
    routes['U'] = routeOver([a]);
    await expect(sender.send({ ...hello, topic: 'U' })).resolves.toMatchObject({
      status: 'FLUSH_DISK_TIMEOUT',
    });
    expect([sends(a), sends(b)]).toEqual([2, 0]);
  });
});

describe('three brokers', () => {
  it('are each tried once before one is tried again', async () => {
    const c = open(await scriptedBroker());
    routes['T'] = routeOver([a, b, c]);
    const order: string[] = [];
    for (const [name, peer] of Object.entries({ a, b, c })) {
      peer.on(SEND, (_request, reply) => {
        order.push(name);
        reply({ code: ResponseCode.SYSTEM_ERROR, remark: 'no' });
      });
    }
    await failure(producer({ retryTimesWhenSendFailed: 3 }).send(hello));
    expect(new Set(order.slice(0, 3))).toEqual(new Set(['a', 'b', 'c']));
    expect(order).toHaveLength(4);
  });
});

describe('the error of a send says how far it came', () => {
  it('found no room among the producer’s own', async () => {
    const clock = new FakeClock();
    for (const peer of [a, b]) peer.on(SEND, () => undefined);
    const sender = producer({ clock, backPressureForAsyncSendNum: 10 });
    await sender.queues('T');
    const under = Array.from({ length: 10 }, () => failure(sender.send(hello)));
    await until(() => sends(a) + sends(b) === 10);
    const late = failure(sender.send(hello, { timeoutMs: 50 }));
    await settle();
    clock.advance(50);
    await expect(late).resolves.toMatchObject({
      code: 'TOO_MUCH_REQUEST',
      details: { stage: 'client in-flight limit', inFlight: 10, maxInFlight: 10 },
    });
    expect(sends(a) + sends(b)).toBe(10);
    await endOf(under, clock);
  });

  it('counts oneway messages and batches, too', async () => {
    const clock = new FakeClock();
    for (const peer of [a, b]) peer.on(SEND, () => undefined);
    const sender = producer({ clock, backPressureForAsyncSendNum: 10 });
    const under = Array.from({ length: 10 }, () => failure(sender.send(hello)));
    await until(() => sends(a) + sends(b) === 10);
    const late = [
      failure(sender.sendOneway(hello, { timeoutMs: 50 })),
      failure(sender.sendBatch([hello], { timeoutMs: 50 })),
    ];
    await settle();
    clock.advance(50);
    for (const refused of late) {
      await expect(refused).resolves.toMatchObject({ code: 'TOO_MUCH_REQUEST' });
    }
    expect(sends(a) + sends(b)).toBe(10);
    await endOf(under, clock);
  });

  it('knew of no broker yet', async () => {
    const clock = new FakeClock();
    nameServer.on(ROUTE, () => clock.advance(1000));
    await expect(
      failure(producer({ clock, sendTimeoutMs: 1000 }).send(hello)),
    ).resolves.toMatchObject({
      code: 'REQUEST_TIMEOUT',
      details: { stage: 'waiting for route', topic: 'T' },
    });
  });

  it('could not connect', async () => {
    routes['T'] = routeOver([a]);
    await a.vanish();
    await expect(failure(producer().send(hello))).resolves.toMatchObject({
      code: 'CONNECT_FAILED',
      details: { stage: 'connecting', addr: a.address },
    });
  });

  it('was not taken from the socket', async () => {
    const clock = new FakeClock();
    routes['T'] = routeOver([a]);
    const sender = producer({ clock, compressMsgBodyOverHowmuch: Infinity });
    await sender.send(hello);
    a.pause();
    const large = { topic: 'T', body: Buffer.alloc(4 * 1024 * 1024) };
    const sending = Array.from({ length: 8 }, () =>
      failure(sender.send(large, { timeoutMs: 1_000 })),
    );
    await settle(50);
    clock.advance(1_100);
    const errors = await Promise.all(sending);
    const last = errors.at(-1)!;
    expect(last).toMatchObject({
      code: 'REQUEST_TIMEOUT',
      details: { stage: 'socket not draining' },
    });
    expect(last.details['unsentBytes']).toBeGreaterThan(4 * 1024 * 1024);
    a.resume();
  });

  it('waited for the answer', async () => {
    const clock = new FakeClock();
    routes['T'] = routeOver([a]);
    a.on(SEND, () => clock.advance(31_000));
    await expect(failure(producer({ clock }).send(hello))).resolves.toMatchObject({
      code: 'REQUEST_TIMEOUT',
      details: { stage: 'waiting for the answer' },
    });
  });

  it.each([
    ['PC_SYNCHRONIZED', '[PC_SYNCHRONIZED]broker busy, start flow control for a while', {}],
    [
      'TIMEOUT_CLEAN_QUEUE',
      '[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: 206ms, size of queue: 5',
      { periodInQueueMs: 206, sizeOfQueue: 5 },
    ],
    ['REJECTREQUEST', '[REJECTREQUEST]system busy, start flow control for a while', {}],
    ['OVERLOAD', '[OVERLOAD]system busy, start flow control for a while', {}],
  ])('was refused by a broker that has too much to do: %s', async (busy, remark, numbers) => {
    routes['T'] = routeOver([a]);
    a.answer(SEND, { code: ResponseCode.SYSTEM_BUSY, remark });
    const sender = producer({ retryTimesWhenSendFailed: 0 });
    const error = await failure(sender.send(hello));
    expect(error).toMatchObject({
      code: 'SYSTEM_BUSY',
      retriable: true,
      details: { stage: 'broker queue', busy, ...numbers },
    });
    expect(error.message).toContain(remark);
  });
});
