import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { MessageListenerOrderly } from '../../../mq/client/orderly-listener.ts';
import { PushConsumer } from '../../../mq/client/push-consumer.ts';
import type { PushConsumerOptions } from '../../../mq/client/push-consumer-options.ts';
import { encodeConsumerList } from '../../../mq/protocol/consumer-list.ts';
import { decodeLockBatchBody, encodeLockedQueues } from '../../../mq/protocol/lock-batch.ts';
import type { MessageQueue } from '../../../mq/protocol/message-queue.ts';
import { decodeProperties } from '../../../mq/protocol/properties.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/deadline.ts';
import { closeOpened, open } from '../../support/opened.ts';
import {
  record,
  routeOver,
  scriptedBroker,
  scriptedNameServer,
  servePulls,
  type Routes,
} from './scripted-cluster.ts';
import type { ScriptedPeer } from './scripted-peer.ts';

const { LOCK_BATCH_MQ, UNLOCK_BATCH_MQ, PULL_MESSAGE, UPDATE_CONSUMER_OFFSET, SEND_MESSAGE_V2 } =
  RequestCode;

let routes: Routes;
let broker: ScriptedPeer;
let nameServer: ScriptedPeer;
let clock: FakeClock;
/** Which of the queues asked for the broker grants. */
let grants: (queue: MessageQueue) => boolean;
let got: string[];

function consumer(
  listener: MessageListenerOrderly = () => undefined,
  options: Partial<PushConsumerOptions> = {},
): PushConsumer {
  return open(
    new PushConsumer({ namesrvAddr: nameServer.address, consumerGroup: 'g', clock, ...options })
      .subscribe('T')
      .onMessageOrderly((message, context) => {
        got.push(`${message.queueOffset} ${message.reconsumeTimes}`);
        return listener(message, context);
      }),
  );
}

/** Serves so many messages in one queue and runs a listener on the first; returns what ends the listener. */
async function held(count: number): Promise<{ end: () => void; signal: AbortSignal }> {
  routes['T'] = routeOver([broker]);
  servePulls(
    broker,
    Array.from({ length: count }, (_, queueOffset) => record({ queueOffset })),
  );
  let end: () => void = () => undefined;
  let signal: AbortSignal | undefined;
  await consumer((_message, context) => {
    signal = context.signal;
    return new Promise<void>((resolve) => (end = resolve));
  }).start();
  await until(() => got.length === 1);
  return { end: () => end(), signal: signal! };
}

/** The queues of T named in each request of this code, as `queueId` lists. */
function asked(code: number): number[][] {
  return broker.requests(code).map(({ body }) =>
    decodeLockBatchBody(body)
      .mqSet.filter(({ topic }) => topic === 'T')
      .map(({ queueId }) => queueId),
  );
}

function fields(code: number): Record<string, string>[] {
  return broker
    .requests(code)
    .map(({ extFields }) => extFields!)
    .filter((ext) => ext['topic'] === 'T');
}

function advanceUntil(probe: () => boolean, stepMs = 100): Promise<void> {
  return clock.advanceUntil(probe, stepMs);
}

beforeEach(async () => {
  clock = new FakeClock();
  got = [];
  grants = () => true;
  broker = open(await scriptedBroker());
  broker.on(LOCK_BATCH_MQ, (request, reply) => {
    reply({
      code: 0,
      body: encodeLockedQueues(
        decodeLockBatchBody(request.body).mqSet.filter((queue) => grants(queue)),
      ),
    });
  });
  broker.answer(UNLOCK_BATCH_MQ);
  routes = { T: routeOver([broker], 3), '%RETRY%g': routeOver([broker]) };
  nameServer = open(await scriptedNameServer(routes));
});

afterEach(async () => {
  const closing = closeOpened();
  let isClosed = false;
  void closing.then(() => (isClosed = true));
  await advanceUntil(() => isClosed);
});

describe('the locks of an ordered consumer', () => {
  it('come before the first offset and the first pull, all queues of a topic in one request', async () => {
    await consumer().start();
    expect(asked(LOCK_BATCH_MQ).find((queues) => queues.length > 0)).toEqual([0, 1, 2]);
    const codes = broker.received.map(({ code }) => code);
    const lockedAt = codes.indexOf(LOCK_BATCH_MQ);
    expect(codes.indexOf(RequestCode.QUERY_CONSUMER_OFFSET)).toBeGreaterThan(lockedAt);
    await until(() => fields(PULL_MESSAGE).length === 3);
  });

  it('are renewed every 20 s by one request a broker, however many queues', async () => {
    await consumer().start();
    await until(() => fields(PULL_MESSAGE).length === 3);
    const before = broker.requests(LOCK_BATCH_MQ).length;
    await clock.advanceAndSettle(60_000);
    await until(() => broker.requests(LOCK_BATCH_MQ).length === before + 3);
    for (const queues of asked(LOCK_BATCH_MQ).slice(before)) {
      expect(new Set(queues)).toEqual(new Set([0, 1, 2]));
    }
  });

  it('are asked for again while another member has them, and only what is held is pulled', async () => {
    grants = ({ queueId }) => queueId !== 1;
    void consumer().start();
    await advanceUntil(() => fields(PULL_MESSAGE).length >= 2);
    await clock.advanceAndSettle(5_000);
    expect(new Set(fields(PULL_MESSAGE).map(({ queueId }) => queueId))).toEqual(
      new Set(['0', '2']),
    );
    grants = () => true;
    await advanceUntil(() => fields(PULL_MESSAGE).some(({ queueId }) => queueId === '1'));
  });

  it('are lost when a renewal says so: nothing more is handed out, and what runs does not count', async () => {
    const { end, signal } = await held(2);
    grants = ({ topic }) => topic !== 'T';
    await advanceUntil(() => signal.aborted, 1_000);
    end();
    await clock.advanceAndSettle(30_000);
    expect(got).toEqual(['0 0']);
    expect(fields(UPDATE_CONSUMER_OFFSET).map(({ commitOffset }) => commitOffset)).toEqual(['0']);
    grants = () => true;
    broker.answer(RequestCode.QUERY_CONSUMER_OFFSET, { extFields: { offset: '1' } });
    await advanceUntil(() => got.length === 2);
    expect(got).toEqual(['0 0', '1 0']);
  });

  it('are not trusted 30 s after the last answer, although nobody says that they are lost', async () => {
    const { end } = await held(2);
    broker.on(LOCK_BATCH_MQ, () => undefined);
    await clock.advanceAndSettle(30_000);
    end();
    await clock.advanceAndSettle(1_000);
    expect(got).toEqual(['0 0']);
  });

  it('are asked for again when one renewal was not answered, before they cannot be trusted any more', async () => {
    const { end } = await held(2);
    const before = broker.requests(LOCK_BATCH_MQ).length;
    let isLost = false;
    broker.on(LOCK_BATCH_MQ, (request, reply) => {
      if (isLost)
        reply({ code: 0, body: encodeLockedQueues(decodeLockBatchBody(request.body).mqSet) });
      isLost = true;
    });
    await advanceUntil(() => broker.requests(LOCK_BATCH_MQ).length >= before + 2, 1_000);
    expect(clock.monotonicMs()).toBeLessThan(28_000);
    await advanceUntil(() => clock.monotonicMs() > 31_000, 200);
    end();
    await until(() => got.length === 2);
    expect(got).toEqual(['0 0', '1 0']);
  });

  it('that ran out because nobody answered tell the listener that runs to stop, not only at the next renewal', async () => {
    const { signal } = await held(1);
    broker.on(LOCK_BATCH_MQ, () => undefined);
    await advanceUntil(() => signal.aborted, 1_000);
    expect(clock.monotonicMs()).toBeLessThan(36_000);
  });

  it('are doubted at once when the connection is gone, got again after it is back, and the offset read anew', async () => {
    const { end } = await held(3);
    await broker.vanish();
    await until(() => broker.connectionCount === 0);
    await clock.advanceAndSettle(0);
    end();
    await clock.advanceAndSettle(100);
    expect(got).toEqual(['0 0']);
    // Another member has consumed two messages meanwhile.
    broker.answer(RequestCode.QUERY_CONSUMER_OFFSET, { extFields: { offset: '2' } });
    await broker.reopen();
    await advanceUntil(() => got.length === 2);
    expect(got).toEqual(['0 0', '2 0']);
  });

  it('are given back after the last report when a queue goes to another member', async () => {
    routes['T'] = routeOver([broker], 2);
    const member = consumer();
    await member.start();
    servePulls(broker, [record({ queueOffset: 0 })]);
    await until(() => fields(PULL_MESSAGE).length === 2);
    broker.answer(RequestCode.GET_CONSUMER_LIST_BY_GROUP, {
      body: encodeConsumerList(['0', member.clientId]),
    });
    broker.notify({
      code: RequestCode.NOTIFY_CONSUMER_IDS_CHANGED,
      extFields: { consumerGroup: 'g' },
    });
    await until(() => asked(UNLOCK_BATCH_MQ).some(([queueId]) => queueId === 0));
    const kept = member.assignedQueues().filter(({ topic }) => topic === 'T');
    expect(kept.map(({ queueId }) => queueId)).toEqual([1]);
    const renewals = asked(LOCK_BATCH_MQ).length;
    await clock.advanceAndSettle(20_000);
    await until(() => asked(LOCK_BATCH_MQ).length > renewals);
    expect(asked(LOCK_BATCH_MQ).at(-1)).toEqual([1]);
  });

  it('hold up no shutdown: a broker that does not answer is not waited for once a queue', async () => {
    routes['T'] = routeOver([broker], 16);
    const member = consumer();
    await member.start();
    await until(() => fields(PULL_MESSAGE).length === 16);
    broker.on(UNLOCK_BATCH_MQ, () => undefined);
    let isClosed = false;
    const startedMs = clock.monotonicMs();
    void member.shutdown().then(() => (isClosed = true));
    await advanceUntil(() => isClosed, 500);
    expect(clock.monotonicMs() - startedMs).toBeLessThan(12_000);
    expect(new Set(asked(UNLOCK_BATCH_MQ).flat()).size).toBe(16);
  });

  it('carry no progress with pulls: it is reported by itself, and where a new group begins at once', async () => {
    routes['T'] = routeOver([broker]);
    broker.answer(RequestCode.QUERY_CONSUMER_OFFSET, { code: 22 });
    broker.answer(RequestCode.GET_MAX_OFFSET, { extFields: { offset: '7' } });
    await consumer().start();
    await until(
      () => fields(PULL_MESSAGE).length === 1 && fields(UPDATE_CONSUMER_OFFSET).length === 1,
    );
    expect(fields(PULL_MESSAGE)[0]).toMatchObject({
      queueOffset: '7',
      commitOffset: '0',
      sysFlag: '2',
    });
    expect(fields(UPDATE_CONSUMER_OFFSET)[0]).toMatchObject({ commitOffset: '7' });
  });
});

describe('the place of a new group', () => {
  /** The broker is killed before it has saved where the group began, and meanwhile the queue grows. */
  async function forgotten(): Promise<void> {
    await broker.vanish();
    await until(() => broker.connectionCount === 0);
    broker.answer(RequestCode.QUERY_CONSUMER_OFFSET, { code: 22 });
    broker.answer(RequestCode.GET_MAX_OFFSET, { extFields: { offset: '9' } });
    await broker.reopen();
  }

  beforeEach(() => {
    routes['T'] = routeOver([broker]);
    broker.answer(RequestCode.QUERY_CONSUMER_OFFSET, { code: 22 });
    broker.answer(RequestCode.GET_MAX_OFFSET, { extFields: { offset: '7' } });
  });

  it('is kept when the broker forgets it: at the end of the queue it would skip what came meanwhile', async () => {
    await consumer().start();
    await until(() => fields(PULL_MESSAGE).length === 1);
    await forgotten();
    await advanceUntil(() => fields(PULL_MESSAGE).length === 2);
    expect(fields(PULL_MESSAGE)[1]).toMatchObject({ queueOffset: '7' });
  });

  it('is the last that the broker acknowledged', async () => {
    servePulls(
      broker,
      Array.from({ length: 8 }, (_, queueOffset) => record({ queueOffset })),
    );
    await consumer().start();
    await advanceUntil(() => fields(UPDATE_CONSUMER_OFFSET).at(-1)?.['commitOffset'] === '8');
    const before = fields(PULL_MESSAGE).length;
    await forgotten();
    await advanceUntil(() => fields(PULL_MESSAGE).length > before);
    expect(fields(PULL_MESSAGE)[before]).toMatchObject({ queueOffset: '8' });
  });
});

describe('a message given up in order', () => {
  it('is sent to the retry topic as one retry too many, by the limit of the message before the consumer’s', async () => {
    routes['T'] = routeOver([broker]);
    const properties = { UNIQ_KEY: 'id', MAX_RECONSUME_TIMES: '1', DELAY: '3' };
    servePulls(broker, [record({ queueOffset: 0, properties }), record({ queueOffset: 1 })]);
    const member = consumer(({ queueOffset }) =>
      queueOffset === 0 ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS',
    );
    await member.start();
    await advanceUntil(() => got.length === 3);
    expect(got).toEqual(['0 0', '0 1', '1 0']);
    const [copy] = broker.requests(SEND_MESSAGE_V2).map(({ extFields }) => extFields!);
    expect(copy).toMatchObject({ b: '%RETRY%g', j: '2' });
    expect(Number(copy!['l'])).toBeLessThan(2);
    const sent = decodeProperties(copy!['i']!);
    expect(sent.get('RETRY_TOPIC')).toBe('T');
    expect(sent.has('DELAY')).toBe(false);
    expect(broker.requests(RequestCode.CONSUMER_SEND_MSG_BACK)).toEqual([]);
  });

  it('stays where it is while the copy cannot be stored', async () => {
    routes['T'] = routeOver([broker]);
    servePulls(broker, [record({ queueOffset: 0 }), record({ queueOffset: 1 })]);
    broker.answer(SEND_MESSAGE_V2, { code: 1, remark: 'not now' });
    await consumer(
      ({ queueOffset }) => (queueOffset === 0 ? 'SUSPEND_CURRENT_QUEUE_A_MOMENT' : 'SUCCESS'),
      { maxReconsumeTimes: 0 },
    ).start();
    await advanceUntil(() => broker.requests(SEND_MESSAGE_V2).length === 2);
    expect(got).toEqual(['0 0', '0 1']);
    expect(fields(UPDATE_CONSUMER_OFFSET).map(({ commitOffset }) => commitOffset)).toEqual(['0']);
  });
});

describe('an ordered listener', () => {
  it('is the only one of its consumer', () => {
    const member = consumer();
    expect(() => member.onMessage(() => undefined)).toThrow('has a listener already');
    expect(() => member.onMessageOrderly(() => undefined)).toThrow('has a listener already');
    const other = new PushConsumer({ namesrvAddr: 'h:1', consumerGroup: 'g' });
    expect(() => other.onMessageOrderly('x' as never)).toThrow('is a string, not a function');
  });

  it('refuses a suspension that is no time', () => {
    expect(() => consumer(undefined, { suspendCurrentQueueTimeMs: 0 })).toThrow(
      'suspendCurrentQueueTimeMs is 0',
    );
  });
});
