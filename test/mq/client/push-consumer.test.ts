import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { deflateSync } from 'node:zlib';
import type { ConsumedMessage } from '../../../mq/client/consumed-message.ts';
import type { ConsumeResult } from '../../../mq/client/consume-result.ts';
import { PushConsumer } from '../../../mq/client/push-consumer.ts';
import type { PushConsumerOptions } from '../../../mq/client/push-consumer-options.ts';
import { encodeConsumerList } from '../../../mq/protocol/consumer-list.ts';
import { decodeProperties } from '../../../mq/protocol/properties.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
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
  servePulls,
  stored,
  type Routes,
} from './scripted-cluster.ts';
import type { ScriptedPeer } from './scripted-peer.ts';

const PULL = RequestCode.PULL_MESSAGE;
const COMMIT = RequestCode.UPDATE_CONSUMER_OFFSET;
const SEND_BACK = RequestCode.CONSUMER_SEND_MSG_BACK;
const GIVE_UP = { status: 'RECONSUME_LATER', delayTimeLevel: -1 } as const;

let routes: Routes;
let broker: ScriptedPeer;
let nameServer: ScriptedPeer;
let clock: FakeClock;
let got: ConsumedMessage[];

type Handle = (message: ConsumedMessage, signal: AbortSignal) => unknown;

/** A consumer of T in group g that notes what it gets. */
function consumer(handle: Handle = () => undefined, options: Partial<PushConsumerOptions> = {}) {
  return open(
    new PushConsumer({
      namesrvAddr: nameServer.address,
      consumerGroup: 'g',
      clock,
      ...options,
    })
      .subscribe('T', '*')
      .onMessage(async (message, { signal }) => {
        got.push(message);
        return (await handle(message, signal)) as ConsumeResult | undefined;
      }),
  );
}

/** Pulls of T only: the retry topic's go on beside them. */
function pulls(): Record<string, string>[] {
  return broker
    .requests(PULL)
    .map(({ extFields }) => extFields!)
    .filter((ext) => ext['topic'] === 'T');
}

function commits(topic = 'T'): number[] {
  return broker
    .requests(COMMIT)
    .filter(({ extFields }) => extFields?.['topic'] === topic)
    .map(({ extFields }) => Number(extFields?.['commitOffset']));
}

beforeEach(async () => {
  clock = new FakeClock();
  got = [];
  broker = open(await scriptedBroker());
  routes = { T: routeOver([broker]), '%RETRY%g': routeOver([broker]) };
  nameServer = open(await scriptedNameServer(routes));
});

afterEach(async () => {
  const closing = closeOpened();
  let isClosed = false;
  void closing.then(() => (isClosed = true));
  await clock.advanceUntil(() => isClosed);
});

describe('joining a group', () => {
  it('says hello before it asks who is in the group, and subscribes to its retry topic', async () => {
    const member = consumer();
    await member.start();
    const codes = broker.received.map(({ code }) => code);
    expect(codes.indexOf(RequestCode.HEART_BEAT)).toBeLessThan(
      codes.indexOf(RequestCode.GET_CONSUMER_LIST_BY_GROUP),
    );
    const beat = JSON.parse(broker.requests(RequestCode.HEART_BEAT)[0]!.body!.toString()) as {
      consumerDataSet: { subscriptionDataSet: { topic: string }[] }[];
    };
    expect(beat.consumerDataSet[0]).toMatchObject({
      groupName: 'g',
      consumeType: 'CONSUME_PASSIVELY',
      messageModel: 'CLUSTERING',
      consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
    });
    expect(beat.consumerDataSet[0]?.subscriptionDataSet.map(({ topic }) => topic)).toEqual([
      'T',
      '%RETRY%g',
    ]);
    expect(member.assignedQueues().map(({ topic }) => topic)).toEqual(['T', '%RETRY%g']);
  });

  it('starts without a name server and goes on trying', async () => {
    await nameServer.vanish();
    servePulls(broker, [record({ queueOffset: 0 })]);
    await consumer().start();
    await nameServer.reopen();
    await clock.advanceUntil(() => got.length === 1);
  });

  it('starts before its topic exists, without a warning, and finds it and its retry topic within 2 seconds', async () => {
    const logger = new RecordingLogger();
    const route = routes['T']!;
    delete routes['T'];
    delete routes['%RETRY%g'];
    servePulls(broker, [record({ queueOffset: 0 })]);
    broker.on(RequestCode.HEART_BEAT, (_request, reply) => {
      routes['%RETRY%g'] = route;
      reply({ code: 0 });
    });
    broker.on(RequestCode.GET_CONSUMER_LIST_BY_GROUP, (_request, reply) => {
      reply({ code: 0, body: encodeConsumerList([member.clientId]) });
    });
    const member = consumer(undefined, { logger });
    await member.start();
    await clock.advanceAndSettle(10_000);
    expect(logger.entries.filter(({ level }) => level !== 'debug')).toEqual([]);
    routes['T'] = route;
    clock.advance(2_000);
    await until(() => got.length === 1 && member.assignedQueues().length === 2);
  });

  it('shares the queues with the others, at once when told and every 20 seconds anyway', async () => {
    routes['T'] = routeOver([broker], 4);
    const member = consumer();
    await member.start();
    const own = (): number => member.assignedQueues().filter(({ topic }) => topic === 'T').length;
    expect(own()).toBe(4);
    const list = (...ids: string[]): void => {
      broker.answer(RequestCode.GET_CONSUMER_LIST_BY_GROUP, { body: encodeConsumerList(ids) });
    };
    list(member.clientId, 'zzz');
    broker.notify({
      code: RequestCode.NOTIFY_CONSUMER_IDS_CHANGED,
      extFields: { consumerGroup: 'g' },
    });
    await until(() => own() === 2);
    list(member.clientId);
    await clock.advanceAndSettle(20_000);
    await until(() => own() === 4);
  });

  it('asks another broker of the topic who is in the group when one is gone', async () => {
    const other = open(await scriptedBroker());
    routes['T'] = routeOver([other, broker]);
    routes['%RETRY%g'] = routeOver([other, broker]);
    await other.vanish();
    const member = consumer();
    void member.start();
    await clock.advanceUntil(() => member.assignedQueues().length === 4);
  });

  it('reads from a slave while the master is gone, and reports no progress with its pulls', async () => {
    const route = routeOver([broker]);
    route.brokerDatas[0]!.brokerAddrs = new Map([[1, broker.address]]);
    routes['T'] = route;
    broker.answer(RequestCode.QUERY_CONSUMER_OFFSET, { extFields: { offset: '5' } });
    delete routes['%RETRY%g'];
    await consumer().start();
    await until(() => pulls().length === 1);
    expect(pulls()[0]).toMatchObject({ queueOffset: '5', sysFlag: '2', commitOffset: '0' });
  });

  it('says hello again when the broker does not know it', async () => {
    const member = consumer();
    let isKnown = false;
    broker.on(RequestCode.GET_CONSUMER_LIST_BY_GROUP, (_request, reply) => {
      if (!isKnown) reply({ code: 1, remark: 'no consumer for this group' });
      else reply({ code: 0, body: encodeConsumerList([member.clientId]) });
    });
    await member.start();
    expect(member.assignedQueues()).toEqual([]);
    const beats = broker.requests(RequestCode.HEART_BEAT).length;
    await clock.advanceUntil(() => broker.requests(RequestCode.HEART_BEAT).length > beats);
    isKnown = true;
    await clock.advanceUntil(() => member.assignedQueues().length === 2);
  });

  it.each([
    ['no listener', (c: PushConsumer) => c.subscribe('T'), /no listener/],
    ['no subscription', (c: PushConsumer) => c.onMessage(() => undefined), /no subscription/],
  ])('is refused with %s', async (_what, prepare, text) => {
    const member = open(
      new PushConsumer({ namesrvAddr: nameServer.address, consumerGroup: 'g', clock }),
    );
    prepare(member);
    await expect(member.start()).rejects.toThrow(text);
  });
});

describe('where a new group begins', () => {
  beforeEach(() => {
    broker.answer(RequestCode.QUERY_CONSUMER_OFFSET, { code: ResponseCode.QUERY_NOT_FOUND });
    broker.answer(RequestCode.GET_MAX_OFFSET, { extFields: { offset: '77' } });
    broker.answer(RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, { extFields: { offset: '33' } });
  });

  it.each([
    ['CONSUME_FROM_LAST_OFFSET', '77'],
    ['CONSUME_FROM_FIRST_OFFSET', '0'],
    ['CONSUME_FROM_TIMESTAMP', '33'],
  ] as const)('is, with %s, offset %s', async (consumeFromWhere, offset) => {
    await consumer(undefined, { consumeFromWhere }).start();
    await until(() => pulls().length > 0);
    expect(pulls()[0]?.['queueOffset']).toBe(offset);
    const retry = broker.requests(PULL).find(({ extFields }) => extFields?.['topic'] !== 'T');
    expect(retry?.extFields?.['queueOffset']).toBe('0');
  });

  it('is remembered, so that the group resumes there', async () => {
    await consumer().start();
    await clock.advanceUntil(() => commits().includes(77));
  });

  it('is remembered although it is 0, which brokers answer for any queue that is young', async () => {
    broker.answer(RequestCode.QUERY_CONSUMER_OFFSET, { extFields: { offset: '0' } });
    servePulls(broker, [record({ queueOffset: 0 })]);
    await consumer(() => new Promise(() => undefined)).start();
    await clock.advanceUntil(() => commits().length > 0);
    expect(commits()).toEqual([0]);
  });

  it('is on the disk of a broadcasting member before it fetches anything: killed then, it would begin behind that', async () => {
    const files = new FaultyFiles();
    const writeSyncs = files.holdSyncs();
    const joining = consumer(undefined, {
      messageModel: 'BROADCASTING',
      clientIp: '10.0.0.1',
      instanceName: 'i',
      offsetStoreDir: '/offsets',
      files,
    }).start();
    await until(() => files.count('datasync') > 0);
    await settle();
    expect(pulls()).toEqual([]);
    writeSyncs();
    await joining;
    files.cutPower();
    expect(files.bytes('/offsets/10.0.0.1@i/g/offsets.json').toString()).toContain(':77}');
  });

  it('is asked for until the broker answers', async () => {
    let asked = 0;
    broker.on(RequestCode.QUERY_CONSUMER_OFFSET, (_request, reply) => {
      reply(
        ++asked <= 3 ? { code: 1, remark: 'not now' } : { code: 0, extFields: { offset: '5' } },
      );
    });
    void consumer().start();
    await clock.advanceUntil(() => pulls().length > 0);
    expect(pulls()[0]?.['queueOffset']).toBe('5');
  });
});

describe('consuming', () => {
  it('hands messages on, and reports progress every 5 seconds, but only what is new', async () => {
    servePulls(broker, [record({ queueOffset: 0 }), record({ queueOffset: 1 })]);
    await consumer().start();
    await until(() => got.length === 2);
    await clock.advanceUntil(() => commits().includes(2));
    const reports = commits().length;
    await clock.advanceAndSettle(10_000);
    expect(commits()).toHaveLength(reports);
  });

  it('does not commit past a message that is still being consumed', async () => {
    let finishFirst = (): void => undefined;
    servePulls(
      broker,
      [0, 1, 2].map((queueOffset) => record({ queueOffset })),
    );
    await consumer((message) =>
      message.queueOffset === 1
        ? new Promise<void>((resolve) => (finishFirst = resolve))
        : undefined,
    ).start();
    await until(() => got.length === 3);
    await clock.advanceUntil(() => commits().includes(1));
    finishFirst();
    await clock.advanceUntil(() => commits().includes(3));
  });

  it('runs no more listeners at a time than told', async () => {
    let running = 0;
    let most = 0;
    servePulls(
      broker,
      Array.from({ length: 12 }, (_, queueOffset) => record({ queueOffset })),
    );
    await consumer(
      async () => {
        most = Math.max(most, ++running);
        await settle(1);
        running--;
      },
      { concurrency: 3 },
    ).start();
    await until(() => got.length === 12 && running === 0);
    expect(most).toBe(3);
  });

  it('gives the event loop its turn between listeners that never wait', async () => {
    servePulls(
      broker,
      Array.from({ length: 30 }, (_, queueOffset) => record({ queueOffset })),
    );
    let gotInFirstTurn: number | undefined;
    await consumer(
      () => {
        if (got.length === 1) setImmediate(() => (gotInFirstTurn = got.length));
      },
      { concurrency: 2 },
    ).start();
    await until(() => got.length === 30);
    expect(gotInFirstTurn).toBeLessThan(30);
  });

  it('stops pulling while too much is unfinished, and goes on afterwards', async () => {
    const finish: (() => void)[] = [];
    broker.on(PULL, ({ extFields }, reply) => {
      const offset = Number(extFields?.['queueOffset']);
      if (extFields?.['topic'] !== 'T' || offset >= 4) return;
      reply(pullReply({ next: offset + 1, body: record({ queueOffset: offset }) }));
    });
    await consumer(() => new Promise<void>((resolve) => finish.push(resolve)), {
      pullThresholdForQueue: 2,
    }).start();
    await until(() => got.length === 2);
    await clock.advanceAndSettle(1000);
    expect(pulls().map((ext) => ext['queueOffset'])).toEqual(['0', '1']);
    for (const done of finish) done();
    await clock.advanceUntil(() => got.length === 4, 50);
  });

  it('filters by the exact tag what the broker let through by hash', async () => {
    // "Aa" and "BB" have the same Java hash.
    const tagged = ['Aa', 'BB', 'Aa'].map((tag, queueOffset) =>
      record({ queueOffset, properties: { TAGS: tag } }),
    );
    servePulls(broker, tagged);
    const member = consumer().subscribe('T', 'Aa || C');
    await member.start();
    await until(() => got.length === 2);
    expect(got.map(({ tags }) => tags)).toEqual(['Aa', 'Aa']);
    await clock.advanceUntil(() => commits().includes(3));
  });

  it('inflates bodies and restores the topic of a retried message', async () => {
    const retried = record({
      topic: '%RETRY%g',
      queueOffset: 0,
      body: deflateSync('packed'),
      sysFlag: 0x301,
      reconsumeTimes: 2,
      properties: { RETRY_TOPIC: 'T', KEYS: 'k1 k2', UNIQ_KEY: 'ID' },
    });
    servePulls(broker, [retried], '%RETRY%g');
    await consumer().start();
    await until(() => got.length === 1);
    expect(got[0]).toMatchObject({
      topic: 'T',
      reconsumeTimes: 2,
      msgId: 'ID',
      keys: ['k1', 'k2'],
    });
    expect(got[0]!.text()).toBe('packed');
  });

  it('passes over entries that the broker filtered out', async () => {
    let asked = 0;
    broker.on(PULL, ({ extFields }, reply) => {
      if (extFields?.['topic'] !== 'T' || asked++ > 0) return;
      reply(pullReply({ code: ResponseCode.PULL_RETRY_IMMEDIATELY, next: 800 }));
    });
    await consumer().start();
    await until(() => pulls().length === 2);
    expect(pulls()[1]?.['queueOffset']).toBe('800');
    await clock.advanceUntil(() => commits().includes(800));
  });

  it('does not spin when a broker answers "nothing new" at once', async () => {
    broker.on(PULL, ({ extFields }, reply) => {
      if (extFields?.['topic'] !== 'T') return;
      reply(pullReply({ code: ResponseCode.PULL_NOT_FOUND, next: 0 }));
    });
    await consumer().start();
    await until(() => pulls().length === 1);
    await settle(50);
    expect(pulls()).toHaveLength(1);
    await clock.advanceAndSettle(50);
    await until(() => pulls().length === 2);
  });

  it('pulls again 3 seconds after an error', async () => {
    broker.answer(PULL, { code: ResponseCode.SYSTEM_BUSY });
    await consumer().start();
    await until(() => pulls().length === 1);
    servePulls(broker, [record({ queueOffset: 0 })]);
    await clock.advanceAndSettle(2900);
    expect(pulls()).toHaveLength(1);
    await clock.advanceAndSettle(100);
    await until(() => got.length === 1);
  });
});

describe('an offset the broker does not have', () => {
  it('is corrected forward at once', async () => {
    broker.on(PULL, ({ extFields }, reply) => {
      if (extFields?.['topic'] !== 'T' || extFields['queueOffset'] !== '0') return;
      reply(pullReply({ code: ResponseCode.PULL_OFFSET_MOVED, next: 500, min: 500, max: 900 }));
    });
    await consumer().start();
    await until(() => pulls().at(-1)?.['queueOffset'] === '500');
    await until(() => commits().includes(500));
  });

  it('is corrected backward only when the broker says so twice', async () => {
    broker.answer(RequestCode.QUERY_CONSUMER_OFFSET, { extFields: { offset: '90' } });
    broker.on(PULL, ({ extFields }, reply) => {
      if (extFields?.['topic'] !== 'T' || extFields['queueOffset'] !== '90') return;
      reply(pullReply({ code: ResponseCode.PULL_OFFSET_MOVED, next: 0, max: 0 }));
    });
    await consumer().start();
    await until(() => pulls().length === 1);
    expect(commits()).toEqual([]);
    await clock.advanceAndSettle(1000);
    await until(() => pulls().at(-1)?.['queueOffset'] === '0');
    expect(pulls()).toHaveLength(3);
  });

  it('is asked of the master when a slave does not have it yet', async () => {
    const slave = open(await scriptedBroker());
    for (const { brokerDatas } of Object.values(routes)) {
      brokerDatas[0]!.brokerAddrs.set(1, slave.address);
    }
    const toSlave = (parts: Parameters<typeof pullReply>[0]) => {
      const { extFields, ...rest } = pullReply(parts);
      return { ...rest, extFields: { ...extFields, suggestWhichBrokerId: '1' } };
    };
    broker.answer(RequestCode.QUERY_CONSUMER_OFFSET, { extFields: { offset: '90' } });
    let isSuggested = false;
    broker.on(PULL, ({ extFields }, reply) => {
      if (extFields?.['topic'] !== 'T' || isSuggested) return;
      isSuggested = true;
      reply(toSlave({ code: ResponseCode.PULL_NOT_FOUND, next: 90 }));
    });
    slave.on(PULL, ({ extFields }, reply) => {
      if (extFields?.['topic'] !== 'T') return;
      reply(toSlave({ code: ResponseCode.PULL_OFFSET_MOVED, next: 80 }));
    });
    await consumer().start();
    await clock.advanceUntil(() => slave.requests(PULL).length > 0);
    await clock.advanceUntil(() => pulls().length >= 2);
    expect(pulls().map(({ queueOffset }) => queueOffset)).toEqual(['90', '90']);
    expect(slave.requests(PULL)).toHaveLength(1);
    expect(commits()).not.toContain(80);
  });

  it('is corrected backward at once when it was reset within what there is', async () => {
    broker.answer(RequestCode.QUERY_CONSUMER_OFFSET, { extFields: { offset: '90' } });
    broker.on(PULL, ({ extFields }, reply) => {
      if (extFields?.['topic'] !== 'T' || extFields['queueOffset'] !== '90') return;
      reply(pullReply({ code: ResponseCode.PULL_OFFSET_MOVED, next: 10, max: 100 }));
    });
    await consumer().start();
    await until(() => pulls().at(-1)?.['queueOffset'] === '10');
  });
});

describe('a message that is not consumed', () => {
  it.each<[string, Handle]>([
    ['throws', () => Promise.reject(new Error('no'))],
    ['says RECONSUME_LATER', () => 'RECONSUME_LATER'],
  ])('is sent back to the broker when the listener %s', async (_what, handle) => {
    servePulls(broker, [record({ queueOffset: 0 }), record({ queueOffset: 1 })]);
    await consumer((message, signal) =>
      message.queueOffset === 1 ? handle(message, signal) : undefined,
    ).start();
    await until(() => broker.requests(SEND_BACK).length === 1);
    expect(broker.requests(SEND_BACK)[0]?.extFields).toEqual({
      offset: '1000',
      group: 'g',
      delayLevel: '0',
      originMsgId: 'id-1',
      originTopic: 'T',
      unitMode: 'false',
    });
    await clock.advanceUntil(() => commits().includes(2));
  });

  it('is sent to the retry topic as a copy when the broker does not take it back', async () => {
    broker.answer(SEND_BACK, { code: 1, remark: 'no' });
    servePulls(broker, [record({ queueOffset: 0, reconsumeTimes: 1 })]);
    await consumer(() => 'RECONSUME_LATER').start();
    await until(() => broker.requests(RequestCode.SEND_MESSAGE_V2).length === 1);
    const [copy] = broker.requests(RequestCode.SEND_MESSAGE_V2);
    expect(copy?.extFields).toMatchObject({ b: '%RETRY%g', j: '2' });
    expect(copy?.extFields).not.toHaveProperty('l');
    expect(Object.fromEntries(decodeProperties(copy?.extFields?.['i'] ?? ''))).toMatchObject({
      UNIQ_KEY: 'id-0',
      RETRY_TOPIC: 'T',
      DELAY: '4',
    });
    await clock.advanceUntil(() => commits().includes(1));
  });

  it.each<[string, number | undefined, string | undefined, string | undefined]>([
    ['the group’s when nobody says', undefined, undefined, undefined],
    ['the group’s at −1, as in Java', -1, undefined, undefined],
    ['the consumer’s', 3, undefined, '3'],
    ['the message’s before the consumer’s', 3, '0', '0'],
    ['the consumer’s when the message’s is nonsense', 3, '-1', '3'],
    ['the consumer’s when the message’s is beyond an int32', 3, '4294967296', '3'],
  ])('has a limit of retries: %s', async (_what, option, property, expected) => {
    broker.answer(SEND_BACK, { code: 1, remark: 'no' });
    const properties = { UNIQ_KEY: 'id-0', ...(property && { MAX_RECONSUME_TIMES: property }) };
    servePulls(broker, [record({ queueOffset: 0, properties })]);
    await consumer(
      () => 'RECONSUME_LATER',
      option === undefined ? {} : { maxReconsumeTimes: option },
    ).start();
    await until(() => broker.requests(RequestCode.SEND_MESSAGE_V2).length === 1);
    const [back] = broker.requests(SEND_BACK);
    const [copy] = broker.requests(RequestCode.SEND_MESSAGE_V2);
    expect(back?.extFields?.['maxReconsumeTimes']).toBe(expected);
    expect(copy?.extFields?.['l']).toBe(expected);
    // Whoever gets the copy has to know it, too.
    const kept = decodeProperties(copy?.extFields?.['i'] ?? '').get('MAX_RECONSUME_TIMES');
    expect(kept).toBe(property);
  });

  it.each<[string, number, Record<string, string | undefined>, string | undefined]>([
    ['for the level its listener names', 7, { j: '2', l: undefined }, '7'],
    ['for the broker to decide', 0, { j: '2', l: undefined }, '4'],
    ['straight to the dead-letter queue', -1, { j: '2', l: '0' }, undefined],
  ])('is sent back %s, also as a copy', async (_what, level, header, delay) => {
    broker.answer(SEND_BACK, { code: 1, remark: 'no' });
    servePulls(broker, [record({ queueOffset: 0, reconsumeTimes: 1 })]);
    await consumer(() => ({ status: 'RECONSUME_LATER', delayTimeLevel: level })).start();
    await until(() => broker.requests(RequestCode.SEND_MESSAGE_V2).length === 1);
    expect(broker.requests(SEND_BACK)[0]?.extFields?.['delayLevel']).toBe(String(level));
    const [copy] = broker.requests(RequestCode.SEND_MESSAGE_V2);
    expect({ j: copy?.extFields?.['j'], l: copy?.extFields?.['l'] }).toEqual(header);
    expect(decodeProperties(copy?.extFields?.['i'] ?? '').get('DELAY')).toBe(delay);
  });

  it('is given up with its reason by a copy that has failed once too often', async () => {
    servePulls(broker, [record({ queueOffset: 0, reconsumeTimes: 1 })]);
    await consumer(() => ({ ...GIVE_UP, deadLetterReason: 'no\u0001 such order' })).start();
    await until(() => broker.requests(RequestCode.SEND_MESSAGE_V2).length === 1);
    const [copy] = broker.requests(RequestCode.SEND_MESSAGE_V2);
    expect(copy?.extFields).toMatchObject({ b: '%RETRY%g', j: '2', l: '0' });
    expect(Object.fromEntries(decodeProperties(copy?.extFields?.['i'] ?? ''))).toEqual({
      UNIQ_KEY: 'id-0',
      RETRY_TOPIC: 'T',
      ORIGIN_MESSAGE_ID: expect.stringMatching(/^[0-9A-F]{32}$/),
      DLQ_REASON: 'no  such order',
    });
    await clock.advanceUntil(() => commits().includes(1));
    expect(broker.requests(SEND_BACK)).toEqual([]);
  });

  it('is sent as a copy, as if it had no retries yet, when it is a dead letter of another group', async () => {
    routes['%DLQ%a'] = routeOver([broker]);
    const properties = { UNIQ_KEY: 'u', RETRY_TOPIC: 'A', MAX_RECONSUME_TIMES: '0' };
    const dead = { topic: '%DLQ%a', queueOffset: 0, reconsumeTimes: 17, properties };
    servePulls(broker, [record(dead)], '%DLQ%a');
    await consumer(() => 'RECONSUME_LATER', { maxReconsumeTimes: 5 })
      .subscribe('%DLQ%a')
      .start();
    await until(() => broker.requests(RequestCode.SEND_MESSAGE_V2).length === 1);
    expect(got[0]).toMatchObject({ topic: '%DLQ%a', reconsumeTimes: 0 });
    const [copy] = broker.requests(RequestCode.SEND_MESSAGE_V2);
    expect(copy?.extFields).toMatchObject({ b: '%RETRY%g', j: '1', l: '5' });
    expect(Object.fromEntries(decodeProperties(copy?.extFields?.['i'] ?? ''))).toEqual({
      UNIQ_KEY: 'u',
      RETRY_TOPIC: '%DLQ%a',
      DLQ_ORIGIN_TOPIC: 'A',
      ORIGIN_MESSAGE_ID: expect.stringMatching(/^[0-9A-F]{32}$/),
      DELAY: '3',
    });
    expect(broker.requests(SEND_BACK)).toEqual([]);
  });

  it.each<[string, () => unknown]>([
    ['the broker refuses its copy', () => broker.answer(RequestCode.SEND_MESSAGE_V2, { code: 13 })],
    ['its group has no retry topic', () => delete routes['%RETRY%g']],
  ])('is given up without its reason when %s', async (_when, spoil) => {
    spoil();
    servePulls(broker, [record({ queueOffset: 0 })]);
    await consumer(() => ({ ...GIVE_UP, deadLetterReason: 'no such order' })).start();
    await until(() => broker.requests(SEND_BACK).length === 1);
    expect(broker.requests(SEND_BACK)[0]?.extFields?.['delayLevel']).toBe('-1');
    await clock.advanceUntil(() => commits().includes(1));
  });

  it('is retried when its listener has a reason to give it up and does not', async () => {
    const logger = new RecordingLogger();
    servePulls(broker, [record({ queueOffset: 0 })]);
    const result = { status: 'RECONSUME_LATER', deadLetterReason: 'no such order' };
    await consumer(() => result, { logger }).start();
    await until(() => broker.requests(SEND_BACK).length === 1);
    expect(broker.requests(SEND_BACK)[0]?.extFields?.['delayLevel']).toBe('0');
    expect(logger.messages('warn')).toContain(
      'the listener returned nonsense; the message is retried',
    );
  });

  it('is no half message and no timer any more when its copy is sent', async () => {
    broker.answer(SEND_BACK, { code: 1, remark: 'no' });
    const spent = { TRAN_MSG: 'true', TIMER_DELAY_MS: '9', TIMER_DELIVER_MS: '9', POP_CK: 'x' };
    const properties = { UNIQ_KEY: 'u', ...spent };
    servePulls(broker, [record({ queueOffset: 0, properties, sysFlag: 0x8 })]);
    await consumer(() => 'RECONSUME_LATER').start();
    await until(() => broker.requests(RequestCode.SEND_MESSAGE_V2).length === 1);
    const [copy] = broker.requests(RequestCode.SEND_MESSAGE_V2);
    expect(copy?.extFields?.['f']).toBe('0');
    const kept = decodeProperties(copy?.extFields?.['i'] ?? '');
    expect(Object.keys(spent).filter((name) => kept.has(name))).toEqual([]);
    expect(kept.get('UNIQ_KEY')).toBe('u');
  });

  it('is tried again here after 5 seconds when nothing takes it back', async () => {
    broker.answer(SEND_BACK, { code: 1 }).answer(RequestCode.SEND_MESSAGE_V2, { code: 1 });
    servePulls(broker, [record({ queueOffset: 0 })]);
    let fail = true;
    await consumer(() => (fail ? 'RECONSUME_LATER' : undefined)).start();
    await until(() => broker.requests(RequestCode.SEND_MESSAGE_V2).length === 1);
    await settle();
    await clock.advanceAndSettle(4900);
    expect(got).toHaveLength(1);
    expect(commits()).not.toContain(1);
    fail = false;
    await clock.advanceUntil(() => commits().includes(1));
    expect(got).toHaveLength(2);
  });

  it('goes to the dead-letter queue when its body cannot be read', async () => {
    const broken = record({ queueOffset: 0 });
    broken[8] = broken[8]! ^ 1;
    const lz4 = record({ queueOffset: 1, sysFlag: 0x101 });
    const bomb = record({ queueOffset: 2, body: deflateSync(Buffer.alloc(5000)), sysFlag: 1 });
    servePulls(broker, [broken, lz4, bomb, record({ queueOffset: 3 })]);
    await consumer(undefined, { maxBodyBytes: 1000 }).start();
    await until(() => got.length === 1 && broker.requests(SEND_BACK).length === 3);
    expect(broker.requests(SEND_BACK).map(({ extFields }) => extFields?.['delayLevel'])).toEqual([
      '-1',
      '-1',
      '-1',
    ]);
    await clock.advanceUntil(() => commits().includes(4));
  });

  it('is asked for twice and then passed over when its record has no readable bounds', async () => {
    const torn = record({ queueOffset: 1 });
    torn.writeUInt32BE(0xdeadbeef, 4);
    servePulls(broker, [record({ queueOffset: 0 }), torn, record({ queueOffset: 2 })]);
    await consumer().start();
    await clock.advanceUntil(() => got.length === 2);
    expect(got.map(({ queueOffset }) => queueOffset)).toEqual([0, 2]);
    expect(pulls().filter((ext) => ext['queueOffset'] === '1')).toHaveLength(2);
  });

  it('is sent back when its listener takes too long, whose signal is aborted', async () => {
    servePulls(broker, [record({ queueOffset: 0 })]);
    let given: AbortSignal | undefined;
    await consumer(
      (_message, signal) => {
        given = signal;
        return new Promise(() => undefined);
      },
      { consumeTimeoutMs: 60_000, shutdownGraceMs: 10 },
    ).start();
    await until(() => got.length === 1);
    await clock.advanceAndSettle(60_000);
    await until(() => broker.requests(SEND_BACK).length === 1);
    expect(given?.aborted).toBe(true);
    await clock.advanceUntil(() => commits().includes(1));
  });

  it('does not keep its place when its listener hangs for good: the others are consumed', async () => {
    servePulls(
      broker,
      [0, 1, 2].map((queueOffset) => record({ queueOffset })),
    );
    const hang = ({ queueOffset }: ConsumedMessage) =>
      queueOffset < 2 ? new Promise(() => undefined) : undefined;
    const options = { concurrency: 1, consumeTimeoutMs: 60_000, shutdownGraceMs: 10 };
    await consumer(hang, options).start();
    await until(() => got.length === 1);
    await clock.advanceAndSettle(59_000);
    expect(got).toHaveLength(1);
    await clock.advanceAndSettle(1_000);
    await until(() => got.length === 2);
    await clock.advanceAndSettle(60_000);
    await clock.advanceUntil(() => commits().includes(3));
    expect(broker.requests(SEND_BACK)).toHaveLength(2);
  });

  it('is tried again when its listener hangs and nothing takes it back', async () => {
    broker.answer(SEND_BACK, { code: ResponseCode.SYSTEM_ERROR });
    broker.answer(RequestCode.SEND_MESSAGE_V2, { code: ResponseCode.SYSTEM_ERROR });
    servePulls(broker, [record({ queueOffset: 0 })]);
    await consumer(() => (got.length === 1 ? new Promise(() => undefined) : undefined), {
      consumeTimeoutMs: 60_000,
      shutdownGraceMs: 10,
    }).start();
    await until(() => got.length === 1);
    await clock.advanceAndSettle(60_000);
    await clock.advanceUntil(() => commits().includes(1));
    expect(got).toHaveLength(2);
  });

  it.each<[string, Handle]>([
    ['a word that is no result', () => 'RECONSUME_LATTER'],
    ['an impossible level', () => ({ status: 'RECONSUME_LATER', delayTimeLevel: Number.NaN })],
    ['a rejection with nothing', () => Promise.reject(null)],
  ])('is sent back for the usual time when its listener returns %s', async (_what, handle) => {
    servePulls(broker, [record({ queueOffset: 0 })]);
    await consumer(handle).start();
    await until(() => broker.requests(SEND_BACK).length === 1);
    expect(broker.requests(SEND_BACK)[0]?.extFields?.['delayLevel']).toBe('0');
  });

  it('counts as consumed when its listener returns something else', async () => {
    servePulls(broker, [record({ queueOffset: 0 })]);
    await consumer(() => got.length).start();
    await clock.advanceUntil(() => commits().includes(1));
    expect(broker.requests(SEND_BACK)).toEqual([]);
  });

  it('is sent back when its listener throws before it returns a promise', async () => {
    servePulls(broker, [record({ queueOffset: 0 })]);
    const member = new PushConsumer({ namesrvAddr: nameServer.address, consumerGroup: 'g', clock });
    open(member)
      .subscribe('T')
      .onMessage(() => {
        throw new Error('at once');
      });
    await member.start();
    await until(() => broker.requests(SEND_BACK).length === 1);
  });
});

describe('losing a queue', () => {
  it('reports the progress made and counts nothing that finishes later', async () => {
    servePulls(
      broker,
      [0, 1].map((queueOffset) => record({ queueOffset })),
    );
    let finishLast = (): void => undefined;
    const member = consumer((message) =>
      message.queueOffset === 1
        ? new Promise<void>((resolve) => (finishLast = resolve))
        : undefined,
    );
    await member.start();
    await until(() => got.length === 2);
    broker.answer(RequestCode.GET_CONSUMER_LIST_BY_GROUP, {
      body: encodeConsumerList(['0', member.clientId]),
    });
    broker.notify({
      code: RequestCode.NOTIFY_CONSUMER_IDS_CHANGED,
      extFields: { consumerGroup: 'g' },
    });
    await until(() => commits().includes(1));
    expect(member.assignedQueues()).toEqual([]);
    finishLast();
    await clock.advanceAndSettle(10_000);
    expect(commits()).toEqual([1]);
  });

  it('happens when it unsubscribes', async () => {
    delete routes['%RETRY%g'];
    servePulls(broker, [record({ queueOffset: 0 })]);
    const member = consumer();
    await member.start();
    await until(() => got.length === 1);
    member.unsubscribe('T');
    await until(() => commits().includes(1));
    expect(member.assignedQueues().every(({ topic }) => topic !== 'T')).toBe(true);
  });

  it('does not last when it subscribes again before the queue is left: the route is no news then', async () => {
    servePulls(
      broker,
      [0, 1].map((queueOffset) => record({ queueOffset })),
    );
    const member = consumer();
    await member.start();
    await until(() => got.length === 2);
    member.unsubscribe('T').subscribe('T', 'TagA');
    await until(() => commits().includes(2));
    await until(() => member.assignedQueues().some(({ topic }) => topic === 'T'));
  });
});

describe('a broker that restarts', () => {
  it('is greeted at once, is told the progress again, and serves pulls without the usual pause', async () => {
    servePulls(broker, [record({ queueOffset: 0 })]);
    await consumer().start();
    await until(() => got.length === 1);
    await clock.advanceUntil(() => commits().includes(1));
    const reported = commits().length;
    await broker.vanish();
    await clock.advanceAndSettle(1000);
    await broker.reopen();
    servePulls(broker, [record({ queueOffset: 0 }), record({ queueOffset: 1 })]);
    await clock.advanceUntil(() => got.length === 2, 250);
    await clock.advanceUntil(() => commits().length > reported);
  });
});

describe('shutting down', () => {
  it('lets brokers know that it lives while its listeners run: they cut off who is silent for two minutes', async () => {
    servePulls(broker, [record({ queueOffset: 0 })]);
    let end: () => void = () => undefined;
    const member = consumer(() => new Promise<void>((resolve) => (end = resolve)), {
      shutdownGraceMs: 600_000,
    });
    await member.start();
    await until(() => got.length === 1);
    let isClosed = false;
    void member.shutdown().then(() => (isClosed = true));
    const before = broker.requests(RequestCode.HEART_BEAT).length;
    await clock.advanceUntil(() => broker.requests(RequestCode.HEART_BEAT).length >= before + 3);
    end();
    await clock.advanceUntil(() => isClosed);
    expect(commits()).toContain(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it('waits for running listeners, reports what they did, and says good-bye', async () => {
    servePulls(
      broker,
      [0, 1, 2].map((queueOffset) => record({ queueOffset })),
    );
    const finish: (() => void)[] = [];
    const member = consumer(() => new Promise<void>((resolve) => finish.push(resolve)), {
      concurrency: 2,
    });
    await member.start();
    await until(() => got.length === 2);
    const shutdown = member.shutdown();
    for (const done of finish) done();
    await shutdown;
    expect(got).toHaveLength(2);
    expect(commits()).toEqual([2]);
    const [goodbye] = broker.requests(RequestCode.UNREGISTER_CLIENT);
    expect(goodbye?.extFields).toEqual({ clientID: member.clientId, consumerGroup: 'g' });
    expect(broker.received.at(-1)?.code).toBe(RequestCode.UNREGISTER_CLIENT);
    expect(broker.connectionCount).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('leaves a listener that does not end, tells it by its signal, and does not commit its message', async () => {
    servePulls(broker, [record({ queueOffset: 0 })]);
    let given: AbortSignal | undefined;
    const member = consumer((_message, signal) => {
      given = signal;
      return new Promise(() => undefined);
    });
    await member.start();
    await until(() => got.length === 1);
    let isDown = false;
    void member.shutdown().then(() => (isDown = true));
    await settle();
    expect(isDown).toBe(false);
    await clock.advanceAndSettle(10_000);
    await until(() => isDown);
    expect(given?.aborted).toBe(true);
    expect(commits().every((offset) => offset === 0)).toBe(true);
  });

  it('takes no longer for a broker that has been silent for ten minutes: reports do not queue up', async () => {
    servePulls(broker, [record({ queueOffset: 0 })]);
    const member = consumer();
    await member.start();
    await until(() => got.length === 1);
    for (const code of [COMMIT, RequestCode.HEART_BEAT]) broker.on(code, () => undefined);
    for (let second = 0; second < 600; second++) await clock.advanceAndSettle(1_000);
    let isClosed = false;
    void member.shutdown().then(() => (isClosed = true));
    for (let second = 0; second < 20; second++) await clock.advanceAndSettle(1_000);
    expect(isClosed).toBe(true);
  });

  it('is possible before anything was started', async () => {
    await consumer().shutdown();
  });

  it('is possible while it starts, twice, and leaves nothing behind', async () => {
    nameServer.on(RequestCode.GET_ROUTEINFO_BY_TOPIC, () => undefined);
    const member = consumer();
    const starting = member.start();
    await Promise.all([member.shutdown(), member.shutdown(), starting]);
    expect(clock.pendingTimers).toBe(0);
    await expect(member.start()).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
  });
});

describe('fallback of a consumer’s copy', () => {
  it('counts all answers that mean stored', async () => {
    broker.answer(SEND_BACK, { code: 1 });
    broker.answer(RequestCode.SEND_MESSAGE_V2, {
      code: ResponseCode.FLUSH_DISK_TIMEOUT,
      extFields: stored,
    });
    servePulls(broker, [record({ queueOffset: 0 })]);
    await consumer(() => 'RECONSUME_LATER').start();
    await until(() => broker.requests(RequestCode.SEND_MESSAGE_V2).length === 1);
    await clock.advanceUntil(() => commits().includes(1));
  });
});

describe('options', () => {
  it.each<[Record<string, unknown>, RegExp]>([
    [{ consumeFromWhere: 'FIRST' }, /consumeFromWhere is FIRST, not one of/],
    [{ consumeTimestampMs: Number.NaN }, /consumeTimestampMs is NaN/],
    [{ consumeTimeoutMs: 30 * 86_400_000 }, /consumeTimeoutMs is 2592000000, it must be at most/],
    [{ maxReconsumeTimes: -2 }, /maxReconsumeTimes is -2, it must be an integer in 0..2147483647/],
    [{ maxReconsumeTimes: 2 ** 31 }, /maxReconsumeTimes is 2147483648/],
    [{ maxReconsumeTimes: Number.NaN }, /maxReconsumeTimes is NaN/],
    [{ pullBatchSize: 2 ** 31 }, /pullBatchSize is 2147483648, it must be at most 2147483647/],
    [{ serializeType: 'rocketmq' }, /serializeType is rocketmq, not one of JSON, ROCKETMQ/],
    [{ namesrvAddr: undefined }, /namesrvAddr is undefined/],
    [{ consumerGroup: undefined }, /group name is undefined/],
  ])('refuse %j', (options, text) => {
    expect(() => consumer(undefined, options)).toThrow(text);
  });

  it('refuse a listener that is no function', () => {
    const member = new PushConsumer({ namesrvAddr: nameServer.address, consumerGroup: 'g' });
    expect(() => open(member).onMessage(5 as never)).toThrow('the listener is a number');
  });
});
