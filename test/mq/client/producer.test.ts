import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { inflateSync } from 'node:zlib';
import type { ProducerOptions } from '../../../mq/client/producer-options.ts';
import { Producer } from '../../../mq/client/producer.ts';
import { decodeProperties } from '../../../mq/protocol/properties.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { until, within } from '../../support/deadline.ts';
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
const busy = { code: ResponseCode.SYSTEM_BUSY, remark: '[REJECTREQUEST]system busy' };

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

const sends = (): number => a.requests(SEND).length + b.requests(SEND).length;
const asked = (peer: ScriptedPeer): number =>
  peer.requests(RequestCode.GET_ROUTEINFO_BY_TOPIC).length;

describe('sending', () => {
  it('says where the message is stored', async () => {
    routes['T'] = routeOver([a]);
    const result = await producer().send({ topic: 'T', body: 'hello', tags: 'A' });
    expect(result).toMatchObject({
      status: 'SEND_OK',
      offsetMsgId: stored.msgId,
      queueOffset: 7,
      messageQueue: { topic: 'T', brokerName: 'broker-a', queueId: 0 },
    });
    const [request] = a.requests(SEND);
    expect(request?.body?.toString()).toBe('hello');
    expect(request?.extFields).toMatchObject({ a: 'g', b: 'T', c: 'TBW102', d: '4', m: 'false' });
    expect(decodeProperties(request?.extFields?.['i'] ?? '').get('UNIQ_KEY')).toBe(result.msgId);
  });

  it.each([
    ['FLUSH_DISK_TIMEOUT', ResponseCode.FLUSH_DISK_TIMEOUT],
    ['FLUSH_SLAVE_TIMEOUT', ResponseCode.FLUSH_SLAVE_TIMEOUT],
    ['SLAVE_NOT_AVAILABLE', ResponseCode.SLAVE_NOT_AVAILABLE],
  ])('takes %s for stored', async (status, code) => {
    routes['T'] = routeOver([a]);
    a.answer(SEND, { code, extFields: stored });
    await expect(producer().send({ topic: 'T', body: 'x' })).resolves.toMatchObject({ status });
    expect(sends()).toBe(1);
  });

  it('uses both brokers in turn', async () => {
    const sender = producer();
    for (let count = 0; count < 6; count++) await sender.send({ topic: 'T', body: 'x' });
    expect([a.requests(SEND).length, b.requests(SEND).length]).toEqual([3, 3]);
  });

  it('goes to another broker when one is busy, and then leaves the busy one alone', async () => {
    a.answer(SEND, busy);
    const sender = producer();
    for (let count = 0; count < 6; count++) {
      const { messageQueue } = await sender.send({ topic: 'T', body: 'x' });
      expect(messageQueue.brokerName).toBe('broker-b');
    }
    expect(a.requests(SEND).length).toBeLessThanOrEqual(1);
  });

  it('goes to another broker when one is gone', async () => {
    await a.vanish();
    const sender = producer();
    for (let count = 0; count < 4; count++) await sender.send({ topic: 'T', body: 'x' });
    expect(b.requests(SEND)).toHaveLength(4);
  });

  it('goes to another broker when one answers too late, and ignores the late and the repeated answer', async () => {
    const clock = new FakeClock();
    const late: (() => void)[] = [];
    a.on(SEND, (_request, reply) => {
      late.push(() => reply({ code: 0, extFields: { ...stored, queueOffset: '99' } }));
      clock.advance(16_000);
    });
    const sender = producer({ clock });
    for (let count = 0; count < 2; count++) {
      const { queueOffset } = await sender.send({ topic: 'T', body: 'x' });
      expect(queueOffset).toBe(7);
    }
    expect(late).toHaveLength(1);
    late[0]!();
    late[0]!();
    a.answer(SEND, { extFields: stored });
    await expect(
      sender.send(
        { topic: 'T', body: 'x' },
        { queue: { topic: 'T', brokerName: 'broker-a', queueId: 0 } },
      ),
    ).resolves.toMatchObject({ queueOffset: 7 });
  });

  it('tries as often as told, and then fails as the last broker did', async () => {
    a.answer(SEND, busy);
    b.answer(SEND, busy);
    await expect(
      producer({ retryTimesWhenSendFailed: 3 }).send({ topic: 'T', body: 'x' }),
    ).rejects.toMatchObject({ code: 'SYSTEM_BUSY', retriable: true });
    expect(sends()).toBe(4);
  });

  it('does not repeat what no broker would take', async () => {
    for (const peer of [a, b]) {
      peer.answer(SEND, { code: ResponseCode.MESSAGE_ILLEGAL, remark: 'too large' });
    }
    await expect(producer().send({ topic: 'T', body: 'x' })).rejects.toMatchObject({
      code: 'MESSAGE_ILLEGAL',
      retriable: false,
    });
    expect(sends()).toBe(1);
  });

  it('tries a lone broker again after a moment', async () => {
    routes['T'] = routeOver([a]);
    let count = 0;
    a.on(SEND, (_request, reply) => {
      reply(++count === 1 ? busy : { code: 0, extFields: stored });
    });
    await expect(producer().send({ topic: 'T', body: 'x' })).resolves.toMatchObject({
      status: 'SEND_OK',
    });
  });

  it('stays with the chosen queue, and does not repeat it elsewhere', async () => {
    b.answer(SEND, busy);
    const sender = producer();
    const toB = sender.send(
      { topic: 'T', body: 'x' },
      { select: (queues) => queues.find(({ brokerName }) => brokerName === 'broker-b')! },
    );
    await expect(toB).rejects.toMatchObject({ code: 'SYSTEM_BUSY' });
    expect([a.requests(SEND).length, b.requests(SEND).length]).toEqual([0, 1]);
    await expect(
      sender.send(
        { topic: 'T', body: 'x' },
        { queue: { topic: 'U', brokerName: 'broker-a', queueId: 0 } },
      ),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('keeps within its time budget when no broker answers', async () => {
    const clock = new FakeClock();
    a.on(SEND, () => clock.advance(16_000));
    b.on(SEND, () => clock.advance(16_000));
    const sending = producer({ clock }).send({ topic: 'T', body: 'x' });
    await expect(within(sending, 'the send')).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' });
  });

  it('keeps within its time budget when the name server does not answer', async () => {
    const clock = new FakeClock();
    nameServer.on(RequestCode.GET_ROUTEINFO_BY_TOPIC, () => clock.advance(1000));
    const sending = producer({ clock, sendTimeoutMs: 1000 }).send({ topic: 'T', body: 'x' });
    await expect(within(sending, 'the send')).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' });
  });

  it('stops when its caller aborts it', async () => {
    const abort = new AbortController();
    a.on(SEND, () => abort.abort());
    b.on(SEND, () => abort.abort());
    await expect(
      producer().send({ topic: 'T', body: 'x' }, { signal: abort.signal }),
    ).rejects.toMatchObject({ code: 'REQUEST_ABORTED' });
    expect(sends()).toBe(1);
  });

  it('stops when its caller aborts it while no name server answers', async () => {
    nameServer.on(RequestCode.GET_ROUTEINFO_BY_TOPIC, () => abort.abort());
    const abort = new AbortController();
    await expect(
      producer().send({ topic: 'T', body: 'x' }, { signal: abort.signal }),
    ).rejects.toMatchObject({ code: 'REQUEST_ABORTED' });
  });

  it('sends nothing when its caller has aborted it before', async () => {
    const signal = AbortSignal.abort();
    const sender = producer();
    for (const sending of [
      sender.send({ topic: 'T', body: 'x' }, { signal }),
      sender.sendOneway({ topic: 'T', body: 'x' }, { signal }),
      sender.sendBatch([{ topic: 'T', body: 'x' }], { signal }),
    ]) {
      await expect(sending).rejects.toMatchObject({ code: 'REQUEST_ABORTED' });
    }
    await sender.shutdown();
    expect([...a.received, ...b.received].map(({ code }) => code)).not.toContain(SEND);
  });

  it('keeps a oneway message within its time budget, too', async () => {
    const clock = new FakeClock();
    nameServer.on(RequestCode.GET_ROUTEINFO_BY_TOPIC, () => clock.advance(1000));
    const sending = producer({ clock }).sendOneway({ topic: 'T', body: 'x' }, { timeoutMs: 1000 });
    await expect(within(sending, 'the send')).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' });
  });

  it('refuses a select that chooses nothing', async () => {
    const select = () => undefined as never;
    await expect(producer().send({ topic: 'T', body: 'x' }, { select })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'message for T: select chose no queue',
    });
  });

  it('compresses large bodies, and says so in the sysFlag', async () => {
    routes['T'] = routeOver([a]);
    const body = 'x'.repeat(4096);
    await producer().send({ topic: 'T', body });
    const [request] = a.requests(SEND);
    expect(request?.extFields?.['f']).toBe(String(0x301));
    expect(inflateSync(request!.body!).toString()).toBe(body);
  });

  it('asks for no answer to a oneway message', async () => {
    routes['T'] = routeOver([a]);
    await producer().sendOneway({ topic: 'T', body: 'x' });
    await until(() => sends() === 1);
    expect(a.requests(SEND)[0]?.flag).toBe(2);
  });

  it('sends a batch as one request', async () => {
    routes['T'] = routeOver([a]);
    const result = await producer().sendBatch([
      { topic: 'T', body: '1' },
      { topic: 'T', body: '2' },
    ]);
    expect(result.msgId.split(',')).toHaveLength(2);
    const [request] = a.requests(RequestCode.SEND_BATCH_MESSAGE);
    expect(request?.extFields).toMatchObject({ m: 'true', f: '0' });
  });

  it('sends in the binary header encoding when told to', async () => {
    routes['T'] = routeOver([a]);
    await producer({ serializeType: 'ROCKETMQ' }).send({ topic: 'T', body: 'x' });
    expect(a.requests(SEND)[0]?.serializeType).toBe(1);
  });
});

describe('routes', () => {
  it('of a topic that does not exist are borrowed from the auto-create topic', async () => {
    routes['TBW102'] = routeOver([a], 8, 7);
    const sender = producer({ defaultTopicQueueNums: 2 });
    await sender.send({ topic: 'New', body: 'x' });
    await expect(sender.queues('New')).resolves.toHaveLength(2);
    const asked = nameServer.requests(RequestCode.GET_ROUTEINFO_BY_TOPIC);
    expect(asked.map(({ extFields }) => extFields?.['topic'])).toEqual(['New', 'TBW102']);
  });

  it('of a new topic are asked for again soon, and then used', async () => {
    const clock = new FakeClock();
    routes['TBW102'] = routeOver([a], 8, 7);
    const sender = producer({ clock });
    await sender.send({ topic: 'New', body: 'x' });
    routes['New'] = routeOver([a], 3);
    await clock.advanceAndSettle(2000);
    await until(async () => (await sender.queues('New')).length === 3);
  });

  it('that are missing make a clear error', async () => {
    await expect(producer().send({ topic: 'New', body: 'x' })).rejects.toMatchObject({
      code: 'NO_ROUTE',
      retriable: true,
      message: expect.stringContaining('autoCreateTopicEnable') as unknown,
    });
  });

  it('are kept while all name servers are gone', async () => {
    const clock = new FakeClock();
    const sender = producer({ clock });
    await sender.send({ topic: 'T', body: 'x' });
    await nameServer.vanish();
    await clock.advanceAndSettle(120_000);
    await expect(sender.send({ topic: 'T', body: 'x' })).resolves.toMatchObject({
      status: 'SEND_OK',
    });
  });

  it('are kept while a restarted name server does not know the topic yet', async () => {
    const clock = new FakeClock();
    const sender = producer({ clock });
    await sender.send({ topic: 'T', body: 'x' });
    delete routes['T'];
    await clock.advanceAndSettle(60_000);
    await expect(sender.queues('T')).resolves.toHaveLength(2);
  });

  it('are kept when what denies them has been away since it did so before', async () => {
    const clock = new FakeClock();
    const logger = new RecordingLogger();
    const sender = producer({ clock, logger });
    await sender.send({ topic: 'T', body: 'x' });
    delete routes['T'];
    await clock.advanceAndSettle(30_000);
    await until(() => asked(nameServer) === 2);
    await nameServer.vanish();
    await clock.advanceAndSettle(180_000);
    await until(() => logger.messages('warn').some((text) => text.includes('no name server')));
    await nameServer.reopen();
    await clock.advanceUntil(() => asked(nameServer) > 2);
    await expect(sender.queues('T')).resolves.toHaveLength(2);
  });

  it('are kept while one name server denies them that has lost its brokers, and another tells them', async () => {
    const clock = new FakeClock();
    const others: Routes = { ...routes };
    const other = open(await scriptedNameServer(others));
    const sender = producer({
      clock,
      namesrvAddr: `${nameServer.address};${other.address}`,
    });
    await sender.send({ topic: 'T', body: 'x' });
    const isFirst = asked(nameServer) === 1;
    delete (isFirst ? routes : others)['T'];
    const counts = (): number => asked(nameServer) + asked(other);
    for (let round = 2; round <= 12; round++) {
      await clock.advanceAndSettle(30_000);
      await until(() => counts() >= round);
      await expect(sender.queues('T')).resolves.toHaveLength(2);
    }
    // It stays with the one that knows.
    expect(asked(isFirst ? nameServer : other)).toBe(2);
  });

  it('follow a change within 30 seconds', async () => {
    const clock = new FakeClock();
    const sender = producer({ clock });
    await sender.send({ topic: 'T', body: 'x' });
    routes['T'] = routeOver([a]);
    await clock.advanceAndSettle(30_000);
    await until(async () => (await sender.queues('T')).length === 1);
  });

  it('are asked for again when a broker fails, which may have moved', async () => {
    routes['T'] = routeOver([a]);
    const sender = producer();
    await sender.send({ topic: 'T', body: 'x' });
    await a.vanish();
    routes['T'] = routeOver([b]);
    await until(() =>
      sender.send({ topic: 'T', body: 'x' }).then(
        () => b.requests(SEND).length > 0,
        () => false,
      ),
    );
  });

  it('are asked of the other name server when one is gone', async () => {
    const other = open(await scriptedNameServer(routes));
    await nameServer.vanish();
    const namesrvAddr = `${nameServer.address};${other.address}`;
    await expect(producer({ namesrvAddr }).send({ topic: 'T', body: 'x' })).resolves.toMatchObject({
      status: 'SEND_OK',
    });
  });
});

describe('a producer', () => {
  it('tells the masters that it lives, and leaves with a good-bye', async () => {
    const sender = producer();
    await sender.send({ topic: 'T', body: 'x' });
    await until(() => sender.knownBrokers().length === 2);
    const beat = JSON.parse(a.requests(RequestCode.HEART_BEAT)[0]!.body!.toString()) as unknown;
    expect(beat).toMatchObject({
      clientID: sender.clientId,
      producerDataSet: [{ groupName: 'g' }],
      consumerDataSet: [],
    });
    await sender.shutdown();
    expect(a.requests(RequestCode.UNREGISTER_CLIENT)[0]?.extFields).toEqual({
      clientID: sender.clientId,
      producerGroup: 'g',
    });
    expect(a.connectionCount).toBe(0);
  });

  it('waits for the sends under way when it shuts down', async () => {
    routes['T'] = routeOver([a]);
    const held: (() => void)[] = [];
    a.on(SEND, (_request, reply) => held.push(() => reply({ code: 0, extFields: stored })));
    const sender = producer();
    const sending = sender.send({ topic: 'T', body: 'x' });
    await until(() => held.length === 1);
    const shutdown = sender.shutdown();
    held[0]!();
    await expect(sending).resolves.toMatchObject({ status: 'SEND_OK' });
    await shutdown;
    await expect(sender.send({ topic: 'T', body: 'x' })).rejects.toMatchObject({
      code: 'CLIENT_CLOSED',
    });
  });

  it('lets a second shutdown wait for the first', async () => {
    routes['T'] = routeOver([a]);
    const held: (() => void)[] = [];
    a.on(SEND, (_request, reply) => held.push(() => reply({ code: 0, extFields: stored })));
    const sender = producer();
    const sending = sender.send({ topic: 'T', body: 'x' });
    await until(() => held.length === 1);
    const order: string[] = [];
    const first = sender.shutdown().then(() => order.push('first'));
    const second = sender.shutdown().then(() => order.push('second'));
    held[0]!();
    await Promise.all([sending, first, second]);
    expect(order).toEqual(['first', 'second']);
  });

  it('leaves no timer behind', async () => {
    const clock = new FakeClock();
    const sender = producer({ clock });
    await sender.send({ topic: 'T', body: 'x' });
    await sender.shutdown();
    expect(clock.pendingTimers).toBe(0);
  });

  it.each([
    [{ producerGroup: 'a b' }, /group name "a b"/],
    [{ sendTimeoutMs: 0 }, /sendTimeoutMs is 0/],
    [{ sendTimeoutMs: 2 ** 32 }, /sendTimeoutMs is 4294967296, it must be at most 2147483647/],
    [{ retryTimesWhenSendFailed: -1 }, /retryTimesWhenSendFailed is -1/],
    [{ namesrvAddr: 'nowhere' }, /"nowhere" is not host:port/],
  ])('is refused with %j', (options, text) => {
    expect(() => producer(options)).toThrow(text);
  });
});
