import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import {
  Admin,
  Producer,
  PushConsumer,
  type ConsumedMessage,
  type Message,
  type RedriveResult,
} from '../../../mq/index.ts';
import { startBroker, type Broker } from '../../../mq/server.ts';
import { encodeProperties } from '../../../mq/protocol/properties.ts';
import type { AppendMessage } from '../../../mq/store/message-store.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../support/deadline.ts';
import { closeOpened, open } from '../../support/opened.ts';

const TO_DLQ = { status: 'RECONSUME_LATER', delayTimeLevel: -1 } as const;

let mq: TestBroker;
let admin: Admin;
let producer: Producer;
/** A member of a group, which gives messages up at once until it is healed. */
class Member {
  readonly got: ConsumedMessage[] = [];
  isHealed = false;
  readonly consumer: PushConsumer;

  constructor(consumerGroup = 'g', topic = 'T') {
    this.consumer = open(new PushConsumer({ namesrvAddr: mq.namesrvAddr, consumerGroup }));
    this.consumer.subscribe(topic).onMessage((message) => {
      this.got.push(message);
      return this.isHealed ? undefined : TO_DLQ;
    });
  }

  heal(): void {
    this.isHealed = true;
    this.got.length = 0;
  }
}

async function fail(...messages: Partial<Message>[]): Promise<Member> {
  const member = new Member();
  await member.consumer.start();
  for (const [index, message] of messages.entries()) {
    await producer.send({ topic: 'T', body: 'x', ...message });
    await mq.dlq('g', { atLeast: index + 1 });
  }
  member.heal();
  return member;
}

/** Puts a record into the DLQ of g, whatever is in it. */
async function bury(record: Partial<AppendMessage>): Promise<void> {
  const { store, advertised, topics } = mq.broker.context;
  await topics.ensureDlqTopic('g');
  await store.append({
    topic: '%DLQ%g',
    queueId: 0,
    flag: 0,
    sysFlag: 0,
    bornTimestamp: 1,
    bornHost: advertised,
    storeHost: advertised,
    reconsumeTimes: 1,
    preparedTransactionOffset: 0,
    body: Buffer.from('x'),
    propertiesString: 'RETRY_TOPIC\u0001T',
    tagsCode: 0,
    ...record,
  });
}

const statuses = (results: readonly RedriveResult[]) => results.map(({ status }) => status);
const bodies = (messages: readonly ConsumedMessage[]) => messages.map((one) => one.text());

beforeEach(async () => {
  mq = open(await testBroker());
  await mq.createTopic('T', 1);
  admin = open(new Admin({ namesrvAddr: mq.namesrvAddr }));
  producer = open(new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'p' }));
});

afterEach(closeOpened);

describe('a dead letter', () => {
  it('comes back to its group as the message it was, its retries counted from 0', async () => {
    const body = JSON.stringify({ text: 'grüß'.repeat(5000) });
    const other = new Member('other');
    other.isHealed = true;
    await other.consumer.start();
    const member = await fail({
      body,
      tags: 'A',
      keys: ['k1', 'k2'],
      flag: 9,
      properties: { colour: 'red' },
      maxReconsumeTimes: 3,
    });
    const [dead] = await admin.dlq('g');
    expect(dead).toMatchObject({ topic: '%DLQ%g', reconsumeTimes: 1 });

    const results = await admin.redriveDlq('g', 'all');
    expect(results).toEqual([
      {
        offsetMsgId: dead!.offsetMsgId,
        msgId: dead!.msgId,
        status: 'REDRIVEN',
        sent: expect.objectContaining({
          status: 'SEND_OK',
          msgId: dead!.msgId,
          messageQueue: expect.objectContaining({ topic: '%RETRY%g', queueId: 0 }),
        }),
      },
    ]);
    const first = await until(() => member.got[0]);
    expect(first).toMatchObject({
      topic: 'T',
      msgId: dead!.msgId,
      offsetMsgId: results[0]!.sent!.offsetMsgId,
      reconsumeTimes: 0,
      tags: 'A',
      keys: ['k1', 'k2'],
      flag: 9,
      bornTimestamp: dead!.bornTimestamp,
      bodyCrc: dead!.bodyCrc,
    });
    expect(first.text()).toBe(body);
    // The same compressed bytes, not packed anew.
    expect(first.sysFlag & 1).toBe(1);
    expect(first.properties.get('colour')).toBe('red');
    expect(first.properties.get('MAX_RECONSUME_TIMES')).toBe('3');
    const origin = dead!.properties.get('ORIGIN_MESSAGE_ID');
    expect(first.properties.get('ORIGIN_MESSAGE_ID')).toBe(origin);
    // Another group of the topic had its message when it was sent.
    expect(other.got).toHaveLength(1);
  });

  it('has all its retries again', async () => {
    mq.broker.context.groups.get('g');
    await admin.updateSubscriptionGroup({ consumerGroup: 'g', retryMaxTimes: 2 });
    const got: number[] = [];
    const consumer = open(new PushConsumer({ namesrvAddr: mq.namesrvAddr, consumerGroup: 'g' }));
    consumer.subscribe('T').onMessage((message) => {
      got.push(message.reconsumeTimes);
      return { status: 'RECONSUME_LATER', delayTimeLevel: 1 };
    });
    await consumer.start();
    await producer.send({ topic: 'T', body: 'x' });
    const climb = async (deadCount: number): Promise<void> => {
      await until(async () => {
        await mq.clock.advance('1s');
        return (await mq.dlq('g')).length === deadCount;
      });
    };
    await climb(1);
    expect(got).toEqual([0, 1, 2]);
    await admin.redriveDlq('g', 'all');
    await climb(1);
    expect(got).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it('says why it is one, and says it no more when it is redriven', async () => {
    const reasons = ['ORDER.NOT_FOUND: A-1001', undefined];
    const got: ConsumedMessage[] = [];
    const consumer = open(new PushConsumer({ namesrvAddr: mq.namesrvAddr, consumerGroup: 'g' }));
    consumer.subscribe('T').onMessage((message) => {
      got.push(message);
      const reason = reasons.shift();
      return { ...TO_DLQ, ...(reason !== undefined && { deadLetterReason: reason }) };
    });
    await consumer.start();
    await producer.send({ topic: 'T', tags: 'A', body: 'x', properties: { colour: 'red' } });
    await mq.dlq('g', { atLeast: 1 });
    const [dead] = await admin.dlq('g');
    expect(dead).toMatchObject({ topic: '%DLQ%g', msgId: got[0]!.msgId, reconsumeTimes: 1 });
    expect(Object.fromEntries(dead!.properties)).toMatchObject({
      DLQ_REASON: 'ORDER.NOT_FOUND: A-1001',
      RETRY_TOPIC: 'T',
      TAGS: 'A',
      colour: 'red',
    });

    expect(statuses(await admin.redriveDlq('g', 'all'))).toEqual(['REDRIVEN']);
    const [again] = await mq.dlq('g', { atLeast: 1 });
    expect(got[1]).toMatchObject({ topic: 'T', msgId: dead!.msgId, reconsumeTimes: 0 });
    expect(got[1]!.properties.get('colour')).toBe('red');
    expect([got[1], again].map((one) => one!.properties.has('DLQ_REASON'))).toEqual([false, false]);
  });

  it('of a transaction or a timer is neither again', async () => {
    const member = await fail({});
    const properties = { TRAN_MSG: 'true', PGROUP: 'p', TIMER_DELAY_MS: '86400000' };
    await bury({
      sysFlag: 0x8,
      preparedTransactionOffset: 77,
      body: Buffer.from('half'),
      propertiesString: encodeProperties(
        new Map(Object.entries({ ...properties, RETRY_TOPIC: 'T' })),
      ),
    });
    expect(statuses(await admin.redriveDlq('g', 'all'))).toEqual(['REDRIVEN', 'REDRIVEN']);
    await until(() => bodies(member.got).includes('half'));
  });
});

describe('a dead letter that another group consumes', () => {
  /** Notes how often it got which topic, and never succeeds. */
  function failing(consumerGroup: string): { consumer: PushConsumer; got: [string, number][] } {
    const got: [string, number][] = [];
    const consumer = new PushConsumer({
      namesrvAddr: mq.namesrvAddr,
      consumerGroup,
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      maxReconsumeTimes: 2,
      suspendCurrentQueueTimeMs: 10,
    });
    return { consumer: open(consumer).subscribe('%DLQ%g'), got };
  }

  const spent = {
    reconsumeTimes: 17,
    propertiesString: 'RETRY_TOPIC\u0001T\u0002MAX_RECONSUME_TIMES\u00010',
  };
  const asOwn = ['%DLQ%g', 0];

  it('has all the retries of that group, whatever it had in its own', async () => {
    await bury(spent);
    const { consumer, got } = failing('undertaker');
    consumer.onMessage(({ topic, reconsumeTimes }) => {
      got.push([topic, reconsumeTimes]);
      throw new Error('no');
    });
    await consumer.start();
    await mq.drain('undertaker', '%DLQ%g');
    expect(got).toEqual([asOwn, ['%DLQ%g', 1], ['%DLQ%g', 2]]);
    const [dead] = await mq.dlq('undertaker', { atLeast: 1 });
    expect(dead).toMatchObject({ topic: '%DLQ%undertaker', reconsumeTimes: 3 });
    expect(Object.fromEntries(dead!.properties)).toMatchObject({
      RETRY_TOPIC: '%DLQ%g',
      DLQ_ORIGIN_TOPIC: 'T',
    });
    // Where it lay it still lies, as it was.
    expect(await admin.dlq('g')).toMatchObject([{ topic: '%DLQ%g', reconsumeTimes: 17 }]);
  });

  it('has them in order, too', async () => {
    await bury(spent);
    const { consumer, got } = failing('undertaker');
    consumer.onMessageOrderly(({ topic, reconsumeTimes }) => {
      got.push([topic, reconsumeTimes]);
      throw new Error('no');
    });
    await consumer.start();
    await mq.dlq('undertaker', { atLeast: 1 });
    expect(got).toEqual([asOwn, ['%DLQ%g', 1], ['%DLQ%g', 2]]);
  });

  it('stays there while no copy of it can be stored, rather than die of the broker’s count', async () => {
    await bury(spent);
    const { consumer, got } = failing('undertaker');
    consumer.onMessage(({ topic, reconsumeTimes }) => {
      got.push([topic, reconsumeTimes]);
      throw new Error('no');
    });
    const refusing = mq.faults.refuseSends();
    await consumer.start();
    await refusing.struck(1);
    expect(await mq.dlq('undertaker')).toEqual([]);
    expect(await mq.lag('undertaker', '%DLQ%g')).toBe(1);
  });
});

describe('redriving all', () => {
  it('goes on where the last time ended, and shows it as the group’s progress', async () => {
    const member = await fail({ body: '1' }, { body: '2' }, { body: '3' });
    const seen: string[] = [];
    const options = {
      maxCount: 2,
      onProgress: ({
        done,
        total,
        result,
      }: {
        done: number;
        total: number;
        result: RedriveResult;
      }) => seen.push(`${done}/${total} ${result.status}`),
    };
    expect(statuses(await admin.redriveDlq('g', 'all', options))).toEqual(['REDRIVEN', 'REDRIVEN']);
    expect(seen).toEqual(['1/2 REDRIVEN', '2/2 REDRIVEN']);
    expect(bodies(await admin.dlq('g'))).toEqual(['3']);
    expect(await admin.consumerProgress('g', '%DLQ%g')).toMatchObject([
      { brokerOffset: 3, consumerOffset: 2, lag: 1 },
    ]);
    expect(await admin.redriveDlq('g', 'all')).toHaveLength(1);
    expect(await admin.redriveDlq('g', 'all')).toEqual([]);
    await until(() => member.got.length === 3);
    expect(bodies(member.got).toSorted()).toEqual(['1', '2', '3']);
  });

  it('stops at a failure, and says of each message behind it that it was not tried', async () => {
    const member = await fail({ body: '1' }, { body: '2' }, { body: '3' });
    let count = 0;
    const results = await admin.redriveDlq('g', 'all', {
      onProgress: () => {
        if (++count === 1) mq.faults.refuseSends({ code: 'SYSTEM_BUSY', times: 1 });
      },
    });
    expect(statuses(results)).toEqual(['REDRIVEN', 'FAILED', 'FAILED']);
    expect(results[1]!.error).toMatchObject({ code: 'SYSTEM_BUSY', retriable: true });
    expect(results[2]!.error).toMatchObject({ code: 'SYSTEM_BUSY' });
    expect(results[2]!.error!.message).toMatch(/^not tried: /);
    expect(results[2]!.msgId).toMatch(/^[0-9A-F]{32}$/);
    expect(results[2]!.sent).toBeUndefined();
    expect(statuses(await admin.redriveDlq('g', 'all'))).toEqual(['REDRIVEN', 'REDRIVEN']);
    await until(() => member.got.length === 3);
    expect(bodies(member.got).toSorted()).toEqual(['1', '2', '3']);
  });

  it('stops when it is told to', async () => {
    await fail({ body: '1' }, { body: '2' });
    const controller = new AbortController();
    const results = await admin.redriveDlq('g', 'all', {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    expect(statuses(results)).toEqual(['REDRIVEN', 'FAILED']);
    expect(results[1]!.error).toMatchObject({ code: 'REQUEST_ABORTED' });
    expect(bodies(await admin.dlq('g'))).toEqual(['2']);
  });

  it('says that a message was sent although its progress was not taken, and stops', async () => {
    const member = await fail({ body: '1' }, { body: '2' });
    const refuse = () => mq.faults.refuse('UPDATE_CONSUMER_OFFSET', { topic: '%DLQ%g', times: 1 });
    refuse();
    await expect(admin.redriveDlq('g', 'all')).rejects.toMatchObject({ code: 'SYSTEM_BUSY' });
    expect(await mq.messages('%RETRY%g')).toEqual([]);
    // The first commit is the one before anything is sent.
    const sends = mq.faults.delayReplies(0, { topic: '%RETRY%g' });
    const redriving = admin.redriveDlq('g', 'all');
    await sends.struck(1);
    using _refusing = refuse();
    const results = await redriving;
    expect(statuses(results)).toEqual(['REDRIVEN', 'FAILED']);
    expect(results[0]!.error!.message).toContain('sends this message again');
    expect(results[1]!.error!.message).toMatch(/^not tried: /);
    await admin.redriveDlq('g', 'all');
    await until(() => member.got.length === 3);
    expect(bodies(member.got).toSorted()).toEqual(['1', '1', '2']);
  });

  it('tells a send that is stored and not flushed as what it is', async () => {
    const member = await fail({});
    mq.faults.flushDiskTimeout({ times: 1 });
    const results = await admin.redriveDlq('g', 'all');
    expect(results).toMatchObject([{ status: 'REDRIVEN', sent: { status: 'FLUSH_DISK_TIMEOUT' } }]);
    await until(() => member.got.length === 1);
  });

  it('fails truthfully when its broker puts the copy back into the DLQ: a group in order that may not retry', async () => {
    await fail({ body: '1' }, { body: '2' });
    await admin.updateSubscriptionGroup({ consumerGroup: 'g', retryMaxTimes: 0 });
    const { queueLocks } = mq.broker.context;
    const queue = { topic: 'T', brokerName: mq.broker.config.brokerName, queueId: 0 };
    queueLocks.lock('g', 'an orderly consumer', [queue]);
    const results = await admin.redriveDlq('g', 'all');
    expect(statuses(results)).toEqual(['FAILED', 'FAILED']);
    expect(results[0]!.error).toMatchObject({ code: 'ILLEGAL_OPERATION' });
    expect(results[0]!.error!.message).toContain('put it back into %DLQ%g');
    expect(results[0]!.sent!.messageQueue.topic).toBe('%DLQ%g');
    expect(results[1]!.error!.message).toMatch(/^not tried: /);
    // Its copy stands for it now, behind the other: nothing is lost, nothing is there twice.
    expect(bodies(await admin.dlq('g'))).toEqual(['2', '1']);
    queueLocks.unlock('g', 'an orderly consumer', [queue]);
    expect(statuses(await admin.redriveDlq('g', 'all'))).toEqual(['REDRIVEN', 'REDRIVEN']);
  });

  it('reaches a group that consumes in order, and is consumed in order', async () => {
    await mq.createTopic('ORDERED', 1);
    const got: string[] = [];
    let isHealed = false;
    const member = new PushConsumer({
      namesrvAddr: mq.namesrvAddr,
      consumerGroup: 'ordered',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      maxReconsumeTimes: 0,
    })
      .subscribe('ORDERED')
      .onMessageOrderly((message) => {
        if (!isHealed) return 'SUSPEND_CURRENT_QUEUE_A_MOMENT';
        got.push(message.text());
        return 'SUCCESS';
      });
    open(member);
    await member.start();
    for (const body of ['1', '2']) await producer.send({ topic: 'ORDERED', body });
    await mq.dlq('ordered', { atLeast: 2 });
    isHealed = true;
    expect(mq.broker.context.queueLocks.isAnyHeld('ordered')).toBe(true);
    expect(statuses(await admin.redriveDlq('ordered', 'all'))).toEqual(['REDRIVEN', 'REDRIVEN']);
    await until(() => got.length === 2);
    expect(got).toEqual(['1', '2']);
    expect(await admin.dlq('ordered')).toEqual([]);
  });

  it('does not pass over a message for good that its broker could not read at the moment', async () => {
    const member = await fail({ body: '1' }, { body: '2' });
    const { store } = mq.broker;
    const read = store.readRecord.bind(store);
    store.readRecord = () => {
      store.readRecord = read;
      return Promise.reject(new Error('EIO: i/o error, read'));
    };
    const results = await admin.redriveDlq('g', 'all');
    expect(statuses(results)).toEqual(['FAILED', 'FAILED']);
    expect(results[1]!.error!.message).toMatch(/^not tried: /);
    expect(statuses(await admin.redriveDlq('g', 'all'))).toEqual(['REDRIVEN', 'REDRIVEN']);
    await until(() => member.got.length === 2);
  });

  it('passes over a message that can never be redriven, and names it', async () => {
    const member = await fail({ body: '1' }, { body: '2' });
    using _refusing = mq.faults.refuseSends({ code: 'MESSAGE_ILLEGAL', times: 1 });
    const results = await admin.redriveDlq('g', 'all');
    expect(statuses(results)).toEqual(['FAILED', 'REDRIVEN']);
    expect(results[0]!.error).toMatchObject({ code: 'MESSAGE_ILLEGAL' });
    expect(await admin.dlq('g')).toEqual([]);
    await until(() => member.got.length === 1);
  });

  it('is of every broker that has dead letters of the group', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'millrace-second-'));
    open({ [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) });
    const second: Broker = await startBroker({
      brokerName: 'broker-b',
      namesrvAddr: mq.namesrvAddr,
      listenPort: 0,
      storePathRootDir: directory,
      flushDiskType: 'ASYNC_FLUSH',
    });
    open({ [Symbol.asyncDispose]: () => second.close() });
    await until(async () => (await admin.clusterInfo()).brokerAddrTable.size === 2);
    await admin.createTopic({ topic: 'T', readQueueNums: 1 });
    const member = new Member();
    await until(async () => (await admin.queues('T')).length === 2);
    await member.consumer.start();
    for (const queue of await admin.queues('T')) {
      await producer.send({ topic: 'T', body: queue.brokerName }, { queue });
    }
    const names = [mq.broker.config.brokerName, 'broker-b'].toSorted();
    await until(async () => {
      const dead = await admin.dlq('g').catch(() => []);
      return bodies(dead).toSorted().join() === names.join();
    });
    const oldestFirst = bodies(await admin.dlq('g'));
    const pages = [0, 1, 2].map((skip) =>
      admin.dlq('g', { order: 'NEWEST_FIRST', skip, maxCount: 1 }),
    );
    expect(bodies((await Promise.all(pages)).flat())).toEqual(oldestFirst.toReversed());
    expect(await admin.dlqCount('g')).toBe(2);
    member.heal();
    const results = await admin.redriveDlq('g', 'all');
    expect(results.map(({ status, sent }) => [status, sent?.messageQueue.brokerName])).toEqual(
      names.map((name) => ['REDRIVEN', name]),
    );
    await until(() => member.got.length === 2);
    expect(bodies(member.got).toSorted()).toEqual(names);
  });
});

describe('redriving a selection', () => {
  it('is done as often as it is asked for, and touches no progress', async () => {
    const member = await fail({ body: '1' }, { body: '2' });
    const [, second] = await admin.dlq('g');
    const { offsetMsgId } = second!;
    for (const selection of [{ offsetMsgId }, { offsetMsgIds: [offsetMsgId.toLowerCase()] }]) {
      const results = await admin.redriveDlq('g', selection);
      expect(results).toMatchObject([{ offsetMsgId, msgId: second!.msgId, status: 'REDRIVEN' }]);
    }
    await until(() => member.got.length === 2);
    expect(bodies(member.got)).toEqual(['2', '2']);
    expect(await admin.dlq('g')).toHaveLength(2);
  });

  it('sends an id that it names twice once', async () => {
    await fail({ body: '1' });
    const [dead] = await admin.dlq('g');
    const ids = [dead!.offsetMsgId, dead!.offsetMsgId];
    const results = await admin.redriveDlq('g', { offsetMsgIds: ids });
    expect(results[1]).toBe(results[0]);
    expect(await mq.messages('%RETRY%g')).toHaveLength(1);
  });

  it('finds no message that is not a dead letter of this group, and sends nothing', async () => {
    await fail({ body: '1' });
    const live = await producer.send({ topic: 'OTHER', body: 'x' });
    const [dead] = await admin.dlq('g');
    const nowhere = `${dead!.offsetMsgId.slice(0, 16)}0000000000ABCDEF`;
    const ids = [live.offsetMsgId, nowhere, dead!.offsetMsgId];
    const results = await admin.redriveDlq('g', { offsetMsgIds: ids });
    expect(results.map(({ offsetMsgId }) => offsetMsgId)).toEqual(ids);
    expect(statuses(results)).toEqual(['NOT_FOUND', 'NOT_FOUND', 'REDRIVEN']);
    expect(results[0]!.error!.message).toContain('it is in topic OTHER, not in %DLQ%g');
    expect(results[1]!.error!.message).toContain('%DLQ%g');
    mq.broker.context.groups.get('without-dead-letters');
    const others = await admin.redriveDlq('without-dead-letters', dead!);
    expect(others[0]!.error!.message).toContain('%DLQ%g, not in %DLQ%without-dead-letters');
    expect(await mq.messages('%RETRY%g')).toHaveLength(1);
  });

  it('finds a dead letter whose broker has got another address since', async () => {
    await bury({ storeHost: { address: '192.0.2.1', port: 10911 } });
    const [dead] = await until(() => admin.dlq('g'));
    expect(dead!.offsetMsgId).toMatch(/^C0000201/);
    expect(statuses(await admin.redriveDlq('g', dead!))).toEqual(['REDRIVEN']);
  });
});

describe('what cannot be asked for', () => {
  it.each<[unknown, RegExp]>([
    ['ALL', /"ALL" selects no dead letters/],
    [undefined, /undefined selects no dead letters/],
    [{ offsetMsgIds: 'x' }, /selects no dead letters/],
    [{ offsetMsgIds: ['12'] }, /offsetMsgId "12" is not 32 or 56 hex digits/],
    [{ offsetMsgId: 7 }, /offsetMsgId "7"/],
  ])('is refused before anything is sent: %j', async (selection, text) => {
    const redriving = admin.redriveDlq('g', selection as 'all');
    await expect(redriving).rejects.toThrow(text);
    await expect(redriving).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('is a group that no broker knows, but one without dead letters has none', async () => {
    const unknown = { code: 'SUBSCRIPTION_GROUP_NOT_EXIST' };
    await expect(admin.dlq('nobody')).rejects.toMatchObject(unknown);
    await expect(admin.redriveDlq('nobody', 'all')).rejects.toMatchObject(unknown);
    await expect(admin.redriveDlq('nobody', { offsetMsgId: '0'.repeat(32) })).rejects.toMatchObject(
      unknown,
    );
    await expect(admin.dlq('a b')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    mq.broker.context.groups.get('healthy');
    expect(await admin.dlq('healthy')).toEqual([]);
    expect(await admin.redriveDlq('healthy', 'all')).toEqual([]);
  });

  it('is a dead-letter topic without the permission to read, as old brokers make it', async () => {
    await fail({ body: '1' });
    const { topics } = mq.broker.context;
    await topics.update({ ...topics.get('%DLQ%g')!, perm: 2 });
    await until(async () => (await admin.topicRoute('%DLQ%g'))?.queueDatas[0]?.perm === 2);
    await expect(admin.dlq('g')).rejects.toThrow(/%DLQ%g cannot be read: its perm is 2 on /);
    await expect(admin.redriveDlq('g', 'all')).rejects.toMatchObject({ code: 'NO_PERMISSION' });
  });
});

describe('listing dead letters', () => {
  it('shows at most so many, the oldest first, and a body nobody can unpack as it is stored', async () => {
    const packed = randomBytes(50);
    await fail({ body: '1' }, { body: '2' });
    await bury({ sysFlag: 0x101, body: packed });
    expect(bodies(await admin.dlq('g', { maxCount: 2 }))).toEqual(['1', '2']);
    const all = await admin.dlq('g');
    expect(all[2]!.body.equals(packed)).toBe(true);
    // Whoever packed it can unpack it: the bytes are sent as they are.
    expect(statuses(await admin.redriveDlq('g', all[2]!))).toEqual(['REDRIVEN']);
    const { store } = mq.broker.context;
    const copies = { topic: '%RETRY%g', queueId: 0, queueOffset: 0, maxCount: 1, maxBytes: 4096 };
    expect((await store.get(copies)).buffers[0]!.includes(packed)).toBe(true);
    await expect(admin.dlq('g', { maxCount: 0 })).rejects.toThrow('maxCount is 0');
  });

  it('goes through them in pages from either end, reads no more than a page, and counts them unread', async () => {
    for (const body of ['1', '2', '3', '4', '5']) await bury({ body: Buffer.from(body) });
    /** Messages the broker has handed out of it. */
    const read = () =>
      [...(mq.broker.context.traffic.handedOut.get('%DLQ%g')?.values() ?? [])].reduce(
        (sum, { messages }) => sum + messages,
        0,
      );
    const newest = { order: 'NEWEST_FIRST', maxCount: 2 } as const;
    expect(bodies(await admin.dlq('g', newest))).toEqual(['5', '4']);
    expect(bodies(await admin.dlq('g', { ...newest, skip: 2 }))).toEqual(['3', '2']);
    expect(bodies(await admin.dlq('g', { ...newest, skip: 4 }))).toEqual(['1']);
    expect(bodies(await admin.dlq('g', { ...newest, skip: 5 }))).toEqual([]);
    expect(bodies(await admin.dlq('g', { skip: 3 }))).toEqual(['4', '5']);
    expect(read()).toBe(2 + 2 + 1 + 2);
    expect(await admin.dlqCount('g')).toBe(5);
    expect(read()).toBe(7);

    // What was given back is in no page.
    await admin.redriveDlq('g', 'all', { maxCount: 2 });
    expect(await admin.dlqCount('g')).toBe(3);
    expect(bodies(await admin.dlq('g', { ...newest, skip: 2 }))).toEqual(['3']);
    const wrong = admin.dlq('g', { order: 'NEWEST' as 'NEWEST_FIRST' });
    await expect(wrong).rejects.toThrow('order');
    await expect(admin.dlq('g', { skip: -1 })).rejects.toThrow('skip is -1');
  });
});
