import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeFrame } from '../../../../mq/protocol/frame.ts';
import { decodeRecord } from '../../../../mq/protocol/message.ts';
import { PropertyKey } from '../../../../mq/protocol/properties.ts';
import { checkTransactionState } from '../../../../mq/protocol/requests/check-transaction-state.ts';
import {
  endTransaction,
  TransactionDecision,
} from '../../../../mq/protocol/requests/end-transaction.ts';
import { resumeCheckHalfMessage } from '../../../../mq/protocol/requests/resume-check-half-message.ts';
import { updateConsumerOffset } from '../../../../mq/protocol/requests/update-consumer-offset.ts';
import { pullMessage } from '../../../../mq/protocol/requests/pull-message.ts';
import { ResponseCode } from '../../../../mq/protocol/response-code.ts';
import { PullSysFlag } from '../../../../mq/protocol/sys-flag.ts';
import { capturedFrames } from '../../../support/captured-frames.ts';
import { until } from '../../../support/deadline.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { checkCommand } from '../../../../mq/broker/transaction-checker.ts';
import { BrokerUnderTest, sendReply } from '../broker-under-test.ts';
import { ProducerUnderTest, type ReceivedCheck } from '../producer-under-test.ts';

const HALF = 'RMQ_SYS_TRANS_HALF_TOPIC';
const OP = 'RMQ_SYS_TRANS_OP_HALF_TOPIC';
const DISCARDED = 'TRANS_CHECK_MAX_TIME_TOPIC';
const ROUND = 30_000;

let clock: FakeClock;
let broker: BrokerUnderTest;
let producer: ProducerUnderTest;

beforeEach(async () => {
  clock = new FakeClock();
  broker = await BrokerUnderTest.start({
    clock,
    config: { serverChannelMaxIdleTimeSeconds: 86_400 },
  });
  await broker.createTopic('TopicA', 4);
  producer = new ProducerUnderTest(broker.broker.address, 'p1');
  await producer.heartbeat();
});

afterEach(async () => {
  await producer[Symbol.asyncDispose]();
  await broker[Symbol.asyncDispose]();
});

async function bodies(topic: string, queueId = 0): Promise<string[]> {
  return (await broker.messages(topic, queueId)).map(({ body }) => body.toString());
}

/** Lets one round of checks pass, and returns the checks the producer has received by then. */
async function nextRound(of = producer): Promise<readonly ReceivedCheck[]> {
  const before = of.checks.length;
  await of.heartbeat();
  clock.advance(ROUND);
  await broker.broker.context.transactions.settled();
  // Whatever was sent before this reply has arrived with it.
  await of.heartbeat();
  return of.checks.slice(before);
}

describe('a half message', () => {
  it('is answered as it was sent, with its place among the half messages, and nobody sees it', async () => {
    await broker.send({ topic: 'TopicA', queueId: 3, body: 'plain' });
    const reply = await producer.sendHalf({
      topic: 'TopicA',
      queueId: 3,
      body: 'work',
      properties: { TAGS: 'T', UNIQ_KEY: 'u1' },
    });
    expect(reply.code).toBe(ResponseCode.SUCCESS);
    expect(sendReply(reply)).toMatchObject({ queueId: 3, queueOffset: 0, transactionId: 'u1' });
    expect(await bodies('TopicA', 3)).toEqual(['plain']);

    const [half] = await broker.messages(HALF);
    expect(half!.offsetMsgId).toBe(sendReply(reply).msgId);
    expect(half!.sysFlag).toBe(0);
    expect(Object.fromEntries(half!.properties)).toMatchObject({
      REAL_TOPIC: 'TopicA',
      REAL_QID: '3',
      __transactionId__: 'u1',
      TRAN_MSG: 'true',
      PGROUP: 'pg',
    });
  });

  it('is what consumers get once it is committed, and nothing else', async () => {
    const half = await producer.half({ topic: 'TopicA', queueId: 2, body: 'work', flag: 7 });
    expect((await producer.commit(half)).code).toBe(ResponseCode.SUCCESS);
    const [message] = await broker.messages('TopicA', 2);
    expect(message).toMatchObject({
      sysFlag: 8,
      flag: 7,
      queueOffset: 0,
      preparedTransactionOffset: half.commitLogOffset,
    });
    expect(message!.body.toString()).toBe('work');
    expect(message!.properties.get(PropertyKey.REAL_QID)).toBe('2');
    const [op] = await broker.messages(OP);
    expect(op!.body.toString()).toBe('0');
    expect(op!.properties.get(PropertyKey.TAGS)).toBe('d');
    expect(op!.commitLogOffset).toBe(message!.commitLogOffset + message!.storeSize);
  });

  it('is seen by nobody when it is rolled back', async () => {
    const half = await producer.half({ topic: 'TopicA' });
    expect((await producer.rollback(half)).code).toBe(ResponseCode.SUCCESS);
    expect(await bodies('TopicA')).toEqual([]);
    expect(await bodies(OP)).toEqual(['0']);
    expect(await nextRound()).toEqual([]);
  });

  it('has one outcome: the same decision again changes nothing, another one is refused with both', async () => {
    const committed = await producer.half({ topic: 'TopicA', body: 'a' });
    const rolledBack = await producer.half({ topic: 'TopicA', body: 'b' });
    await producer.commit(committed);
    await producer.rollback(rolledBack);
    for (const restarted of [false, true]) {
      if (restarted) {
        await broker.restart();
        await producer[Symbol.asyncDispose]();
        producer = new ProducerUnderTest(broker.broker.address, 'p1');
      }
      expect((await producer.commit(committed)).code).toBe(ResponseCode.SUCCESS);
      expect((await producer.rollback(rolledBack)).code).toBe(ResponseCode.SUCCESS);
      const late = await producer.rollback(committed);
      expect(late.code).toBe(ResponseCode.SYSTEM_ERROR);
      expect(late.remark).toContain('COMMITTED, not ROLLED_BACK');
      expect((await producer.commit(rolledBack)).remark).toContain('ROLLED_BACK, not COMMITTED');
      expect(await bodies('TopicA')).toEqual(['a']);
      expect(await bodies(OP)).toEqual(['0', '1']);
    }
  });

  it('ends once when commit and rollback race on two connections', async () => {
    await using other = new ProducerUnderTest(broker.broker.address, 'p2');
    for (let round = 0; round < 20; round++) {
      const before = (await bodies('TopicA')).length;
      const half = await producer.half({ topic: 'TopicA', body: String(round) });
      const replies = await Promise.all([
        producer.commit(half),
        other.rollback(half),
        other.commit(half),
        producer.rollback(half),
      ]);
      const isCommitted = (await bodies('TopicA')).length > before;
      const codes = replies.map(({ code }) => code);
      expect(codes).toEqual(isCommitted ? [0, 1, 0, 1] : [1, 0, 1, 0]);
    }
  });
});

describe('ending a transaction that is not there', () => {
  it('is refused with both groups when the half message is of another one', async () => {
    const half = await producer.half({ topic: 'TopicA' });
    const reply = await producer.end(half, { producerGroup: 'other' });
    expect(reply.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(reply.remark).toBe('the half message is of producer group pg, not of other');
    expect(await bodies('TopicA')).toEqual([]);
  });

  it('is refused with both offsets when they do not belong together', async () => {
    const half = await producer.half({ topic: 'TopicA' });
    const reply = await producer.end({ ...half, halfOffset: 17 });
    expect(reply.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(reply.remark).toBe('the half message has queueOffset 0, not tranStateTableOffset 17');
  });

  it('is refused for an offset where no half message begins', async () => {
    const sent = sendReply(await broker.send({ topic: 'TopicA', body: 'plain' }));
    const [plain] = await broker.messages('TopicA');
    for (const commitLogOffset of [
      plain!.commitLogOffset,
      12,
      1_000_000,
      Number.MAX_SAFE_INTEGER,
    ]) {
      const reply = await producer.commit({ halfOffset: 0, commitLogOffset });
      expect(reply.code).toBe(ResponseCode.SYSTEM_ERROR);
      expect(reply.remark).toContain(`commitLogOffset ${commitLogOffset}`);
    }
    expect(sent.queueOffset).toBe(0);
    expect(await bodies('TopicA')).toEqual(['plain']);
  });

  it('is refused for a decision that is none', async () => {
    const half = await producer.half({ topic: 'TopicA' });
    const reply = await producer.end(half, { commitOrRollback: 5 });
    expect(reply.remark).toBe('commitOrRollback is 5, not 0, 8 or 12');
    expect((await producer.commit(half)).code).toBe(ResponseCode.SUCCESS);
  });
});

describe('a producer that does not know', () => {
  it('gets its answer, and is asked later', async () => {
    const half = await producer.half({ topic: 'TopicA', body: 'work' });
    const unknown = { commitOrRollback: TransactionDecision.UNKNOWN };
    expect((await producer.end(half, unknown)).code).toBe(ResponseCode.SUCCESS);
    expect(await bodies('TopicA')).toEqual([]);
    const [check] = await nextRound();
    expect(check!.message).toMatchObject({ topic: 'TopicA', queueId: 0 });
    expect(check!.message.body.toString()).toBe('work');
    expect(check!.message.properties.get(PropertyKey.TRANSACTION_CHECK_TIMES)).toBe('1');
    expect(check!.header).toMatchObject({
      tranStateTableOffset: half.halfOffset,
      commitLogOffset: half.commitLogOffset,
      msgId: check!.message.msgId,
      transactionId: check!.message.msgId,
      brokerName: 'broker-a',
    });
    expect((await producer.answer(check!, TransactionDecision.COMMIT)).code).toBe(0);
    expect(await bodies('TopicA')).toEqual(['work']);
    expect(await nextRound()).toEqual([]);
  });

  it('may answer with any of its half messages: the first one, and each the broker put again', async () => {
    const half = await producer.half({ topic: 'TopicA', body: 'work' });
    const checks = [...(await nextRound()), ...(await nextRound()), ...(await nextRound())];
    expect(checks).toHaveLength(3);
    expect(new Set(checks.map(({ header }) => header.commitLogOffset)).size).toBe(3);
    expect((await producer.answer(checks[1]!, TransactionDecision.COMMIT)).code).toBe(0);
    expect((await producer.commit(half)).code).toBe(0);
    expect((await producer.answer(checks[2]!, TransactionDecision.ROLLBACK)).code).toBe(1);
    expect(await bodies('TopicA')).toEqual(['work']);
  });

  it('is not asked before transactionTimeOut, nor before the immunity time of the message', async () => {
    await broker.restart({ transactionCheckInterval: 1_000 });
    await producer[Symbol.asyncDispose]();
    producer = new ProducerUnderTest(broker.broker.address, 'p1');
    await producer.heartbeat();
    await producer.half({ topic: 'TopicA', body: 'usual' });
    const immune = { CHECK_IMMUNITY_TIME_IN_SECONDS: '20' };
    await producer.half({ topic: 'TopicA', body: 'immune', properties: immune });
    const firstAsked = new Map<string, number>();
    for (let second = 1; second <= 22; second++) {
      clock.advance(1_000);
      await broker.broker.context.transactions.settled();
      await producer.heartbeat();
      for (const { message } of producer.checks) {
        const body = message.body.toString();
        if (!firstAsked.has(body)) firstAsked.set(body, second);
      }
    }
    expect(Object.fromEntries(firstAsked)).toEqual({ usual: 6, immune: 20 });
  });

  it('comes too late after its immunity time, unless it answers a check', async () => {
    const properties = { CHECK_IMMUNITY_TIME_IN_SECONDS: '10' };
    const bornTimestamp = clock.now();
    const half = await producer.half({ topic: 'TopicA', body: 'work', bornTimestamp, properties });
    clock.advance(10_001);
    const late = await producer.commit(half);
    expect(late.code).toBe(ResponseCode.ILLEGAL_OPERATION);
    expect(late.remark).toContain('10001 ms old, over its immunity time of 10000 ms');
    const [check] = await nextRound();
    expect((await producer.answer(check!, TransactionDecision.COMMIT)).code).toBe(0);
    expect(await bodies('TopicA')).toEqual(['work']);
  });
});

describe('checking', () => {
  it('asks the producers of the group in turn, on the connections they opened', async () => {
    await using other = new ProducerUnderTest(broker.broker.address, 'p2');
    await using stranger = new ProducerUnderTest(broker.broker.address, 'p3');
    await other.heartbeat();
    await stranger.heartbeat('another-group');
    for (let index = 0; index < 10; index++) await producer.half({ topic: 'TopicA' });
    await nextRound();
    await other.heartbeat();
    await stranger.heartbeat('another-group');
    expect([producer.checks.length, other.checks.length, stranger.checks.length]).toEqual([
      5, 5, 0,
    ]);
  });

  it('gives up after transactionCheckMax checks, where an operator can resume it', async () => {
    await broker.restart({ transactionCheckMax: 2 });
    await producer[Symbol.asyncDispose]();
    producer = new ProducerUnderTest(broker.broker.address, 'p1');
    const half = await producer.half({ topic: 'TopicA', body: 'work', properties: { TAGS: 'T' } });
    expect(await nextRound()).toHaveLength(1);
    expect(await nextRound()).toHaveLength(1);
    expect(await nextRound()).toHaveLength(0);
    const [discarded] = await broker.messages(DISCARDED);
    expect(discarded!.body.toString()).toBe('work');
    expect(discarded!.properties.get(PropertyKey.REAL_TOPIC)).toBe('TopicA');
    expect(broker.broker.context.topics.get(DISCARDED)).toMatchObject({ perm: 6 });
    expect((await producer.commit(half)).remark).toContain('DISCARDED, not COMMITTED');
    expect(await bodies('TopicA')).toEqual([]);

    const msgId = discarded!.offsetMsgId;
    const resume = (): ReturnType<typeof broker.request> =>
      broker.request(resumeCheckHalfMessage.code, resumeCheckHalfMessage.encodeRequest({ msgId }));
    expect((await resume()).code).toBe(ResponseCode.SUCCESS);
    const again = await resume();
    expect(again.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(again.remark).toContain('resumed already');
    const [check] = await nextRound();
    expect(check!.message.properties.get(PropertyKey.TRANSACTION_CHECK_TIMES)).toBe('1');
    await producer.answer(check!, TransactionDecision.COMMIT);
    expect(await bodies('TopicA')).toEqual(['work']);
    await broker.restart();
    expect((await resume()).remark).toContain('resumed already');
  });

  it('never gives up a half message that nobody was asked about', async () => {
    await producer.half({ topic: 'TopicA', body: 'work' });
    await producer[Symbol.asyncDispose]();
    await until(() => broker.broker.context.producers.members('pg').length === 0);
    for (let round = 0; round < 20; round++) {
      clock.advance(ROUND);
      await broker.broker.context.transactions.settled();
    }
    expect(await broker.messages(HALF)).toHaveLength(1);
    clock.jumpWallClock(30 * 24 * 3_600_000);
    await broker.restart();
    producer = new ProducerUnderTest(broker.broker.address, 'p1');
    const [check] = await nextRound();
    expect(check!.message.properties.get(PropertyKey.TRANSACTION_CHECK_TIMES)).toBe('1');
    await producer.answer(check!, TransactionDecision.COMMIT);
    expect(await bodies('TopicA')).toEqual(['work']);
  });
});

describe('the progress of transactions', () => {
  it('is set by nobody else', async () => {
    const fields = { consumerGroup: 'CID_RMQ_SYS_TRANS', topic: HALF, queueId: 0, commitOffset: 9 };
    const reply = await broker.request(
      updateConsumerOffset.code,
      updateConsumerOffset.encodeRequest(fields),
    );
    expect(reply.code).toBe(ResponseCode.NO_PERMISSION);
  });

  it('is set by no pull, which may carry some', async () => {
    const reply = await broker.request(
      pullMessage.code,
      pullMessage.encodeRequest({
        consumerGroup: 'CID_RMQ_SYS_TRANS',
        topic: HALF,
        queueId: 0,
        queueOffset: 9,
        maxMsgNums: 1,
        sysFlag: PullSysFlag.COMMIT_OFFSET | PullSysFlag.SUBSCRIPTION,
        commitOffset: 9,
        suspendTimeoutMillis: 0,
        subscription: '*',
        subVersion: 0,
        expressionType: 'TAG',
      }),
    );
    expect(reply.code).toBe(ResponseCode.NO_PERMISSION);
    expect(broker.broker.context.offsets.query('CID_RMQ_SYS_TRANS', HALF, 0)).not.toBe(9);
  });
});

describe('bad half messages', () => {
  it.each([
    ['DELAY', '3'],
    ['TIMER_DELAY_SEC', '5'],
    ['TIMER_DELAY_MS', '5000'],
    ['TIMER_DELIVER_MS', '1'],
  ])('are refused with %s, naming both', async (name, value) => {
    const reply = await producer.sendHalf({ topic: 'TopicA', properties: { [name]: value } });
    expect(reply.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
    expect(reply.remark).toContain(`TRAN_MSG=true and ${name}=${value}`);
    expect(await bodies(HALF)).toEqual([]);
  });

  it('are refused without a producer group', async () => {
    const reply = await broker.send({ topic: 'TopicA', properties: { TRAN_MSG: 'true' } });
    expect(reply.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
    expect(reply.remark).toContain('no PGROUP');
  });

  it('are refused where the operator wants none', async () => {
    await broker.restart({ rejectTransactionMessage: true });
    await producer[Symbol.asyncDispose]();
    producer = new ProducerUnderTest(broker.broker.address, 'p1');
    const reply = await producer.sendHalf({ topic: 'TopicA' });
    expect(reply.code).toBe(ResponseCode.NO_PERMISSION);
    expect(reply.remark).toContain('rejectTransactionMessage');
  });

  it('are refused when the properties leave no room for the count of checks', async () => {
    const reply = await producer.sendHalf({
      topic: 'TopicA',
      properties: { K: 'x'.repeat(32_600) },
    });
    expect(reply.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
    expect(reply.remark).toMatch(/properties of \d+ bytes exceed \d+/);
  });

  it('cannot take over a transaction by the properties in which the broker keeps it', async () => {
    const victim = await producer.half({ topic: 'TopicA', body: 'victim' });
    await producer.half({
      topic: 'TopicA',
      body: 'thief',
      properties: { TRAN_PREPARED_QUEUE_OFFSET: '0', TRANSACTION_CHECK_TIMES: '99' },
    });
    await producer.commit(victim);
    expect(await bodies('TopicA')).toEqual(['victim']);
    expect(await nextRound()).toHaveLength(1);
  });
});

describe('a committed message that its consumer hands back', () => {
  it('is an ordinary one', async () => {
    const reply = await broker.send({
      topic: 'TopicA',
      sysFlag: 8,
      reconsumeTimes: 1,
      properties: { TRAN_MSG: 'true', PGROUP: 'pg', DELAY: '3' },
    });
    expect(reply.code).toBe(ResponseCode.SUCCESS);
    expect(await bodies(HALF)).toEqual([]);
  });
});

describe('a half message that only seems to be handed back', () => {
  it.each(['0.5', '0x5'])('stays one: DELAY %s delays nothing', async (DELAY) => {
    const reply = await broker.send({
      topic: 'TopicA',
      reconsumeTimes: 1,
      properties: { TRAN_MSG: 'true', PGROUP: 'pg', DELAY },
    });
    expect(reply.code).toBe(ResponseCode.SUCCESS);
    expect(await bodies('TopicA')).toEqual([]);
    expect(await bodies(HALF)).toHaveLength(1);
  });
});

describe('frames of official peers', () => {
  const frames = capturedFrames().filter(({ kind }) => kind === 'request');

  it('hold ends of transactions that we read', () => {
    const ends = frames.filter(({ requestCode }) => requestCode === endTransaction.code);
    const decisions = ends.map(({ bytes }) => {
      const { extFields } = decodeFrame(bytes);
      return endTransaction.decodeRequest(extFields).commitOrRollback;
    });
    expect(new Set(decisions)).toEqual(new Set([0, 8, 12]));
  });

  it('hold checks, and ours of the same half message have the same body and offsets', () => {
    const checks = frames.filter(({ requestCode }) => requestCode === checkTransactionState.code);
    expect(checks.length).toBeGreaterThan(2);
    for (const { bytes } of checks) {
      const { extFields, body } = decodeFrame(bytes);
      const half = decodeRecord(body!);
      const ours = checkCommand({ ...half, topic: HALF, queueId: 0 }, 1, 'broker-a');
      expect(ours!.body).toEqual(body);
      expect(ours!.extFields).toEqual({ ...extFields, topic: HALF, bname: 'broker-a' });
    }
  });
});
