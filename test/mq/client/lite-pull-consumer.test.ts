import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { deflateSync } from 'node:zlib';
import type { ConsumedMessage } from '../../../mq/client/consumed-message.ts';
import { LitePullConsumer } from '../../../mq/client/lite-pull-consumer.ts';
import type { LitePullConsumerOptions } from '../../../mq/client/lite-pull-consumer-options.ts';
import { encodeConsumerList } from '../../../mq/protocol/consumer-list.ts';
import type { MessageQueue } from '../../../mq/protocol/message-queue.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { until } from '../../support/deadline.ts';
import { closeOpened, open } from '../../support/opened.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import {
  pullReply,
  record,
  routeOver,
  scriptedBroker,
  scriptedNameServer,
  type Routes,
} from './scripted-cluster.ts';
import type { Script, ScriptedPeer } from './scripted-peer.ts';

const LITE_PULL = RequestCode.LITE_PULL_MESSAGE;
const PULL = RequestCode.PULL_MESSAGE;
const COMMIT = RequestCode.UPDATE_CONSUMER_OFFSET;

let routes: Routes;
let broker: ScriptedPeer;
let nameServer: ScriptedPeer;
let clock: FakeClock;

/** A consumer of topic T in group g, at work. */
async function started(options: Partial<LitePullConsumerOptions> = {}): Promise<LitePullConsumer> {
  const member = open(consumer(options).subscribe('T'));
  await member.start();
  return member;
}

function consumer(options: Partial<LitePullConsumerOptions> = {}): LitePullConsumer {
  return new LitePullConsumer({
    namesrvAddr: nameServer.address,
    consumerGroup: 'g',
    clock,
    ...options,
  });
}

const queue = (queueId = 0): MessageQueue => ({ topic: 'T', brokerName: 'broker-a', queueId });

function pulls(code: number = LITE_PULL): Record<string, string>[] {
  return broker.requests(code).map(({ extFields }) => extFields!);
}

function commits(): number[] {
  return broker.requests(COMMIT).map(({ extFields }) => Number(extFields?.['commitOffset']));
}

/** The queue has these records; a pull at its end, and one of another queue, is held for ever. */
function serves(records: readonly Buffer[], options: { batch?: number } = {}): void {
  const { batch = Infinity } = options;
  const script: Script = (request, reply) => {
    if (request.extFields?.['queueId'] !== '0') return;
    const from = Number(request.extFields['queueOffset']);
    const page = records.slice(
      from,
      from + Math.min(batch, Number(request.extFields['maxMsgNums'])),
    );
    if (page.length === 0) return;
    reply(pullReply({ next: from + page.length, max: records.length, body: Buffer.concat(page) }));
  };
  broker.on(LITE_PULL, script).on(PULL, script);
}

const recordsTo = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, queueOffset) =>
    record({ queueOffset, body: String(queueOffset) }),
  );

const texts = (messages: readonly ConsumedMessage[]): string[] =>
  messages.map((message) => message.text());

/** Whom brokers name as the group's members. */
function members(...ids: string[]): void {
  broker.answer(RequestCode.GET_CONSUMER_LIST_BY_GROUP, { body: encodeConsumerList(ids) });
}

function groupChanged(): void {
  broker.notify({
    code: RequestCode.NOTIFY_CONSUMER_IDS_CHANGED,
    extFields: { consumerGroup: 'g' },
  });
}

beforeEach(async () => {
  clock = new FakeClock();
  broker = open(await scriptedBroker());
  broker.on(LITE_PULL, () => undefined);
  broker.answer(RequestCode.GET_MIN_OFFSET, { extFields: { offset: '0' } });
  broker.answer(RequestCode.GET_MAX_OFFSET, { extFields: { offset: '100' } });
  routes = { T: routeOver([broker]) };
  nameServer = open(await scriptedNameServer(routes));
});

afterEach(async () => {
  const closing = closeOpened();
  let isClosed = false;
  void closing.then(() => (isClosed = true));
  await clock.advanceUntil(() => isClosed);
});

describe('what it says to brokers', () => {
  it('is an active consumer of its subscriptions, without a retry topic', async () => {
    await started();
    const beat = JSON.parse(broker.requests(RequestCode.HEART_BEAT)[0]!.body!.toString()) as {
      consumerDataSet: { subscriptionDataSet: { topic: string }[] }[];
    };
    expect(beat.consumerDataSet[0]).toMatchObject({
      groupName: 'g',
      consumeType: 'CONSUME_ACTIVELY',
      messageModel: 'CLUSTERING',
    });
    expect(beat.consumerDataSet[0]!.subscriptionDataSet.map(({ topic }) => topic)).toEqual(['T']);
  });

  it('pulls as the lite consumer of Java 5 does: subscription with it, progress without', async () => {
    await started();
    await until(() => pulls().length === 1);
    expect(pulls()[0]).toMatchObject({
      consumerGroup: 'g',
      topic: 'T',
      queueId: '0',
      queueOffset: '0',
      maxMsgNums: '10',
      sysFlag: String(2 | 4 | 16),
      commitOffset: '0',
      suspendTimeoutMillis: '20000',
      subscription: '*',
      subVersion: '0',
      expressionType: 'TAG',
    });
  });

  it('pulls as the lite consumer of Java 4.9 does from a broker that does not know that', async () => {
    const logger = new RecordingLogger();
    serves(recordsTo(2), { batch: 1 });
    broker.answer(LITE_PULL, { code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED });
    const member = await started({ logger });
    expect(texts(await member.poll({ maxCount: 1 }))).toEqual(['0']);
    expect(texts(await member.poll({ maxCount: 1 }))).toEqual(['1']);
    await until(() => pulls(PULL).length === 3);
    expect(pulls(LITE_PULL)).toHaveLength(1);
    expect(pulls(PULL)[0]).toMatchObject({ sysFlag: String(2 | 4 | 16), subscription: '*' });
    expect(logger.messages('warn')).toEqual([]);
  });

  it('names the version of an SQL expression, by which brokers know it', async () => {
    broker.answer(RequestCode.CHECK_CLIENT_CONFIG);
    const member = open(consumer().subscribe('T', { sql: 'a > 1' }));
    await member.start();
    await until(() => pulls().length === 1);
    expect(pulls()[0]).toMatchObject({ subscription: 'a > 1', expressionType: 'SQL92' });
    expect(Number(pulls()[0]!['subVersion'])).toBe(clock.now());
  });

  it('says hello without subscriptions when queues are assigned to it', async () => {
    const member = open(consumer());
    await member.assign([queue()]);
    await member.start();
    const beat = JSON.parse(broker.requests(RequestCode.HEART_BEAT)[0]!.body!.toString()) as {
      consumerDataSet: { subscriptionDataSet: unknown[] }[];
    };
    expect(beat.consumerDataSet[0]!.subscriptionDataSet).toEqual([]);
    expect(broker.requests(RequestCode.GET_CONSUMER_LIST_BY_GROUP)).toEqual([]);
  });
});

describe('polls', () => {
  it('at the same time are served in their order, each message to one', async () => {
    const member = await started();
    await until(() => pulls().length === 1);
    const waiting = [1, 2, 1].map((maxCount) => member.poll({ maxCount, timeoutMs: 60_000 }));
    await settle();
    serves(recordsTo(4));
    await member.seek(queue(), 0);
    const got = await Promise.all(waiting);
    expect(got.map(texts)).toEqual([['0'], ['1', '2'], ['3']]);
  });

  it('that are aborted or late lose nothing', async () => {
    const member = await started();
    const controller = new AbortController();
    const aborted = member.poll({ signal: controller.signal });
    await settle();
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toMatchObject({ code: 'REQUEST_ABORTED' });
    await expect(member.poll({ signal: controller.signal })).rejects.toMatchObject({
      code: 'REQUEST_ABORTED',
    });
    const late = member.poll({ timeoutMs: 1_000 });
    await clock.advanceAndSettle(1_000);
    expect(await late).toEqual([]);
    serves(recordsTo(1));
    await member.seek(queue(), 0);
    expect(texts(await member.poll())).toEqual(['0']);
  });

  it('wait pollTimeoutMillis unless they say how long', async () => {
    const member = await started();
    let isOver = false;
    void member.poll().then(() => (isOver = true));
    await clock.advanceAndSettle(4_999);
    expect(isOver).toBe(false);
    await clock.advanceAndSettle(1);
    expect(isOver).toBe(true);
  });

  it('give the event loop its turn, however fast they are called', async () => {
    serves(recordsTo(1_000), { batch: 32 });
    const member = await started({ pullBatchSize: 32 });
    await until(() => member.position(queue()) === 0 && pulls().length > 3);
    let turns = 0;
    const count = (): void => {
      turns++;
      immediate = setImmediate(count);
    };
    let immediate = setImmediate(count);
    for (let polled = 0; polled < 50; polled++) await member.poll({ maxCount: 1 });
    clearImmediate(immediate);
    expect(turns).toBeGreaterThanOrEqual(49);
  });

  it('take turns between queues', async () => {
    routes['T'] = routeOver([broker], 2);
    broker.on(LITE_PULL, ({ extFields }, reply) => {
      if (extFields?.['queueOffset'] !== '0') return;
      const body = Buffer.concat(recordsTo(4));
      reply(pullReply({ next: 4, body }));
    });
    const member = await started();
    await until(() => pulls().length === 4);
    const got: string[] = [];
    for (let polled = 0; polled < 8; polled++)
      got.push(...texts(await member.poll({ maxCount: 1 })));
    expect(got).toEqual(['0', '0', '1', '1', '2', '2', '3', '3']);
  });

  it('say once which message cannot be read, and go on behind it', async () => {
    const broken = record({ queueOffset: 1, body: deflateSync(Buffer.alloc(5_000)), sysFlag: 1 });
    serves([record({ queueOffset: 0 }), broken, record({ queueOffset: 2, body: 'after' })]);
    const member = await started({ maxBodyBytes: 4_000, autoCommit: false });
    expect(await member.poll()).toHaveLength(1);
    await expect(member.poll()).rejects.toMatchObject({
      code: 'MESSAGE_CORRUPT',
      message: expect.stringContaining('offset 1 of T@broker-a@0'),
      details: { topic: 'T', queueId: 0, queueOffset: 1 },
    });
    expect(texts(await member.poll())).toEqual(['after']);
    await member.commit();
    expect(commits()).toEqual([3]);
  });
});

describe('what is prefetched', () => {
  const bounds: [string, Partial<LitePullConsumerOptions>, number][] = [
    ['by count', { pullThresholdForQueue: 25 }, 3],
    ['by the count of all queues', { pullThresholdForAll: 35 }, 4],
    ['by span', { consumeMaxSpan: 11 }, 2],
  ];
  it.each(bounds)(
    'is bounded %s, whatever the application does',
    async (_by, options, expected) => {
      serves(recordsTo(1_000));
      const member = await started(options);
      await clock.advanceAndSettle(10_000);
      expect(pulls()).toHaveLength(expected);
      // As soon as there is room, without waiting for a timer.
      await member.poll({ maxCount: 30 });
      await until(() => pulls().length > expected);
    },
  );

  it('is bounded by size', async () => {
    const body = Buffer.alloc(300_000);
    serves(Array.from({ length: 100 }, (_, queueOffset) => record({ queueOffset, body })));
    await started({ pullThresholdSizeForQueue: 1, pullBatchSize: 1 });
    await until(() => pulls().length === 4);
    await clock.advanceAndSettle(10_000);
    expect(pulls()).toHaveLength(4);
  });

  it('does not keep a slow application from being a member of its group', async () => {
    serves(recordsTo(1_000));
    await started();
    const beats = broker.requests(RequestCode.HEART_BEAT).length;
    await clock.advanceAndSettle(300_000);
    await until(() => broker.requests(RequestCode.HEART_BEAT).length >= beats + 9);
  });

  it('is handed out although the queue is paused, with what is on its way', async () => {
    let answer: (() => void) | undefined;
    broker.on(LITE_PULL, (_request, reply) => {
      answer ??= () =>
        reply(pullReply({ next: 1, body: record({ queueOffset: 0, body: 'late' }) }));
    });
    const member = await started();
    await until(() => answer !== undefined);
    member.pause([queue()]);
    answer!();
    expect(texts(await member.poll())).toEqual(['late']);
    await clock.advanceAndSettle(60_000);
    expect(pulls()).toHaveLength(1);
    member.resume([queue()]);
    await until(() => pulls().length === 2);
  });

  it('is forgotten by a seek, and so is what comes late from before', async () => {
    const answers: (() => void)[] = [];
    broker.on(LITE_PULL, (request, reply) => {
      const from = Number(request.extFields!['queueOffset']);
      const body = record({ queueOffset: from, body: String(from) });
      answers.push(() => reply(pullReply({ next: from + 1, max: 100, body })));
    });
    const member = await started();
    await until(() => answers.length === 1);
    answers[0]!();
    await until(() => answers.length === 2);
    await member.seek(queue(), 50);
    await until(() => answers.length === 3);
    answers[1]!();
    answers[2]!();
    expect(texts(await member.poll())).toEqual(['50']);
    expect(member.position(queue())).toBe(51);
  });

  it('is not handed out from the moment a seek begins, unless it fails', async () => {
    serves(recordsTo(3));
    const member = await started();
    await until(() => pulls().length === 2);
    let askMax: (() => void) | undefined;
    broker.on(RequestCode.GET_MAX_OFFSET, (_request, reply) => {
      askMax = () => reply({ code: 0, extFields: { offset: '3' } });
    });
    const seeking = member.seek(queue(), 4);
    expect(await member.poll({ timeoutMs: 0 })).toEqual([]);
    const waiting = member.poll();
    await until(() => askMax !== undefined);
    askMax!();
    await expect(seeking).rejects.toMatchObject({ details: { queueOffset: 4, maxOffset: 3 } });
    expect(texts(await waiting)).toEqual(['0', '1', '2']);
  });

  it('begins at 0 in a queue of which an original says −1, because it never held anything', async () => {
    broker.answer(RequestCode.GET_MIN_OFFSET, { extFields: { offset: '-1' } });
    const member = await started();
    await member.seekToBegin(queue());
    await until(() => pulls().length === 2);
    expect(pulls().map(({ queueOffset }) => queueOffset)).toEqual(['0', '0']);
    expect(await member.minOffset(queue())).toBe(0);
  });

  it('follows the later of two seeks, however their answers come', async () => {
    serves(recordsTo(9));
    const member = await started();
    const askMin: (() => void)[] = [];
    broker.on(RequestCode.GET_MIN_OFFSET, (_request, reply) => {
      askMin.push(() => reply({ code: 0, extFields: { offset: '0' } }));
    });
    const seeks = [member.seek(queue(), 2), member.seek(queue(), 7)];
    await until(() => askMin.length === 2);
    askMin[1]!();
    await seeks[1];
    askMin[0]!();
    await seeks[0];
    expect(texts(await member.poll())).toEqual(['7', '8']);
  });

  it('tells a seek that the queue was lost meanwhile, and got back', async () => {
    serves(recordsTo(9));
    const member = await started();
    let askMin: (() => void) | undefined;
    broker.on(RequestCode.GET_MIN_OFFSET, (_request, reply) => {
      askMin = () => reply({ code: 0, extFields: { offset: '0' } });
    });
    const seeking = member.seek(queue(), 7);
    await until(() => askMin !== undefined);
    for (const owner of ['zzz', member.clientId]) {
      members(owner);
      groupChanged();
      await until(() => (member.assignedQueues().length === 1) === (owner !== 'zzz'));
    }
    askMin!();
    await expect(seeking).rejects.toMatchObject({ code: 'QUEUE_NOT_ASSIGNED' });
    expect(texts(await member.poll({ maxCount: 1 }))).toEqual(['0']);
  });

  it('begins where it sought, although it was being asked where the group left off', async () => {
    serves(recordsTo(9));
    let answer: (() => void) | undefined;
    broker.on(RequestCode.QUERY_CONSUMER_OFFSET, (_request, reply) => {
      answer = () => reply({ code: 0, extFields: { offset: '3' } });
    });
    const member = open(consumer().subscribe('T'));
    const starting = member.start();
    await until(() => answer !== undefined);
    await member.seek(queue(), 6);
    answer!();
    await starting;
    expect(texts(await member.poll())).toEqual(['6', '7', '8']);
    expect(pulls().every(({ queueOffset }) => Number(queueOffset) >= 6)).toBe(true);
  });

  it('goes on where a broker that has lost its beginning says', async () => {
    broker.on(LITE_PULL, (request, reply) => {
      const from = Number(request.extFields!['queueOffset']);
      if (from < 40) reply(pullReply({ code: 21, next: 40, min: 40, max: 100 }));
      else if (from === 40) {
        reply(pullReply({ next: 41, min: 40, max: 100, body: record({ queueOffset: 40 }) }));
      }
    });
    const member = await started({ autoCommit: false });
    const [message] = await member.poll();
    expect(message!.queueOffset).toBe(40);
    await member.commit();
    expect(commits()).toEqual([41]);
  });
});

describe('the queues of a topic', () => {
  async function told(at: (member: LitePullConsumer, listen: () => void) => Promise<void>) {
    const lists: number[] = [];
    const member = open(consumer());
    await at(member, () => {
      member.onTopicMessageQueueChange('T', (_topic, queues) => lists.push(queues.length));
    });
    return { member, lists };
  }
  const becomes = (queueCount: number): void => {
    if (queueCount === 0) delete routes['T'];
    else routes['T'] = routeOver([broker], queueCount);
  };

  it('are watched from before the start on, and what there is then is no change', async () => {
    const { lists } = await told(async (member, listen) => {
      listen();
      await member.start();
    });
    becomes(3);
    await clock.advanceUntil(() => lists.length > 0);
    expect(lists).toEqual([3]);
  });

  it('are watched although they were asked for before', async () => {
    const { lists } = await told(async (member, listen) => {
      await member.start();
      expect(await member.fetchMessageQueues('T')).toHaveLength(1);
      listen();
    });
    for (const count of [2, 3]) {
      becomes(count);
      await clock.advanceUntil(() => lists.at(-1) === count);
    }
    expect(lists).toEqual([2, 3]);
  });

  it.each(['before', 'after'])(
    'of one that comes into being are a change: %s the start',
    async (when) => {
      delete routes['T'];
      const { member, lists } = await told(async (member, listen) => {
        if (when === 'before') listen();
        await member.start();
        if (when === 'after') listen();
      });
      await expect(member.fetchMessageQueues('T')).rejects.toMatchObject({ code: 'NO_ROUTE' });
      for (const count of [2, 0]) {
        becomes(count);
        await clock.advanceUntil(() => lists.at(-1) === count);
      }
      expect(lists).toEqual([2, 0]);
    },
  );
});

describe('progress', () => {
  it('is reported every interval, of what was handed out before the last poll', async () => {
    serves(recordsTo(5));
    const member = await started({ autoCommitIntervalMillis: 2_000 });
    await member.poll({ maxCount: 2 });
    // Where the group began is progress, too: another member must not begin elsewhere.
    await clock.advanceAndSettle(2_000);
    await until(() => commits().length === 1);
    await member.poll({ maxCount: 1 });
    await clock.advanceAndSettle(2_000);
    await until(() => commits().length === 2);
    expect(commits()).toEqual([0, 2]);
    await clock.advanceAndSettle(20_000);
    expect(commits()).toEqual([0, 2]);
    await member.poll({ maxCount: 1 });
    await member.shutdown();
    expect(commits()).toEqual([0, 2, 3]);
  });

  it('is never reported of what was only prefetched', async () => {
    broker.answer(RequestCode.QUERY_CONSUMER_OFFSET, { extFields: { offset: '2' } });
    serves(recordsTo(5));
    const member = await started();
    await until(() => pulls().length === 2);
    await clock.advanceAndSettle(60_000);
    await member.shutdown();
    expect(commits()).toEqual([]);
  });

  it('is where a new group began, for whoever gets the queue before the first poll', async () => {
    broker.answer(RequestCode.QUERY_CONSUMER_OFFSET, { code: ResponseCode.QUERY_NOT_FOUND });
    const member = await started();
    members('zzz');
    groupChanged();
    await until(() => member.assignedQueues().length === 0 && commits().length === 1);
    expect(commits()).toEqual([100]);
    members(member.clientId);
    groupChanged();
    await until(() => member.assignedQueues().length === 1);
    await clock.advanceAndSettle(5_000);
    await until(() => commits().length === 2);
    expect(commits()).toEqual([100, 100]);
  });

  it('is nothing without autoCommit until there is a commit', async () => {
    broker.answer(RequestCode.QUERY_CONSUMER_OFFSET, { code: ResponseCode.QUERY_NOT_FOUND });
    const member = await started({ autoCommit: false });
    await clock.advanceAndSettle(60_000);
    await member.shutdown();
    expect(commits()).toEqual([]);
  });

  it.each(['commit', 'report'])(
    'is not set by a %s that waited for its turn while a seek went elsewhere',
    async (kind) => {
      serves(recordsTo(9));
      const member = await started({
        autoCommit: kind === 'report',
        autoCommitIntervalMillis: 1_000,
      });
      const replies: (() => void)[] = [];
      broker.on(COMMIT, (_request, reply) => replies.push(() => reply({ code: 0 })));
      const waited: Promise<void>[] = [];
      for (const count of [4, 2]) {
        expect(await member.poll({ maxCount: count })).toHaveLength(count);
        if (kind === 'commit') waited.push(member.commit());
        else await member.poll({ maxCount: 1 });
        await clock.advanceAndSettle(kind === 'report' ? 1_000 : 0);
        await until(() => replies.length === 1);
      }
      await member.seek(queue(), 1);
      replies[0]!();
      await Promise.all(waited);
      // The next of each queue takes its turn behind those that waited.
      expect(texts(await member.poll({ maxCount: 2 }))).toEqual(['1', '2']);
      const last = member.commit();
      await until(() => replies.length === 2);
      replies[1]!();
      await last;
      expect(commits()).toEqual([4, 3]);
    },
  );

  it('moves over what the broker filters out, too', async () => {
    broker.on(LITE_PULL, (request, reply) => {
      if (request.extFields!['queueOffset'] === '0') reply(pullReply({ code: 20, next: 500 }));
    });
    const member = await started();
    await until(() => pulls().length === 2);
    void member.poll();
    await clock.advanceAndSettle(5_000);
    await until(() => commits().length === 1);
    expect(commits()).toEqual([500]);
  });

  it('is that of a seek from the next poll on', async () => {
    serves(recordsTo(9));
    const member = await started();
    expect(await member.poll({ maxCount: 9 })).toHaveLength(9);
    await member.seek(queue(), 2);
    await clock.advanceAndSettle(10_000);
    expect(commits()).toEqual([]);
    await member.poll({ maxCount: 1 });
    await clock.advanceAndSettle(5_000);
    await until(() => commits().length === 1);
    expect(commits()).toEqual([2]);
  });

  it('of a queue that is lost is reported once and never again', async () => {
    serves(recordsTo(9));
    const member = await started({ autoCommit: false });
    await member.poll({ maxCount: 4 });
    // The broker that does not answer is asked again at the good-bye.
    broker.answer(COMMIT, { code: ResponseCode.SYSTEM_BUSY });
    await expect(member.commit()).rejects.toMatchObject({ code: 'SYSTEM_BUSY' });
    broker.answer(COMMIT);
    members('zzz');
    groupChanged();
    await until(() => member.assignedQueues().length === 0 && commits().length === 2);
    await member.commit();
    await expect(member.commit([[queue(), 9]])).rejects.toMatchObject({
      code: 'QUEUE_NOT_ASSIGNED',
    });
    expect(await member.poll({ timeoutMs: 0 })).toEqual([]);
    await clock.advanceAndSettle(60_000);
    await member.shutdown();
    expect(commits()).toEqual([4, 4]);
  });

  it('begins anew when the queue comes back', async () => {
    serves(recordsTo(9));
    const member = await started({ autoCommit: false });
    await member.poll({ maxCount: 4 });
    members('zzz');
    groupChanged();
    await until(() => member.assignedQueues().length === 0);
    broker.answer(RequestCode.QUERY_CONSUMER_OFFSET, { extFields: { offset: '6' } });
    members(member.clientId);
    groupChanged();
    expect(texts(await member.poll())).toEqual(['6', '7', '8']);
  });

  it('is refused by name when the broker is away, and taken when it is back', async () => {
    serves(recordsTo(9));
    const member = await started({ autoCommit: false });
    await member.poll({ maxCount: 4 });
    await broker.vanish();
    await expect(member.commit()).rejects.toMatchObject({ retriable: true });
    await broker.reopen();
    await clock.advanceUntil(() => member.knownBrokers().length === 1);
    await member.commit();
    expect(commits()).toEqual([4]);
  });

  it('that is given is always told: somebody else may have set it back', async () => {
    serves(recordsTo(9));
    const member = await started({ autoCommit: false });
    await member.commit([[queue(), 4]]);
    await member.commit([[queue(), 4]]);
    expect(commits()).toEqual([4, 4]);
  });

  it('is told again to a broker that was killed: it may have forgotten', async () => {
    serves(recordsTo(9));
    const member = await started({ autoCommit: false });
    await member.poll({ maxCount: 4 });
    await member.commit();
    await broker.vanish();
    await until(() => member.knownBrokers().length === 0);
    await broker.reopen();
    await clock.advanceUntil(() => member.knownBrokers().length === 1);
    await member.commit();
    expect(commits()).toEqual([4, 4]);
  });
});

describe('a lite pull consumer', () => {
  it('goes on without name servers', async () => {
    const member = await started();
    await nameServer.vanish();
    await clock.advanceAndSettle(300_000);
    serves(recordsTo(2));
    await member.seekToBegin(queue());
    expect(texts(await member.poll())).toEqual(['0', '1']);
  });

  it('goes on when its broker is back, where it was', async () => {
    serves(recordsTo(2));
    const member = await started();
    expect(texts(await member.poll())).toEqual(['0', '1']);
    await broker.vanish();
    await clock.advanceAndSettle(10_000);
    serves(recordsTo(3));
    await broker.reopen();
    const waiting = member.poll({ timeoutMs: 600_000 });
    let got: string[] = [];
    void waiting.then((messages) => (got = texts(messages)));
    await clock.advanceUntil(() => got.length > 0);
    expect(got).toEqual(['2']);
  });

  it('that is shut down keeps no timer', async () => {
    serves(recordsTo(2));
    const member = await started();
    await member.poll();
    const waiting = member.poll({ timeoutMs: 60_000 });
    await member.shutdown();
    expect(await waiting).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('may be shut down before it is started, and while it starts', async () => {
    await consumer().shutdown();
    const member = consumer().subscribe('T');
    const starting = member.start();
    await member.shutdown();
    await starting;
    expect(member.isRunning).toBe(false);
    await settle();
    await clock.advanceAndSettle(60_000);
    expect(clock.pendingTimers).toBe(0);
  });
});
