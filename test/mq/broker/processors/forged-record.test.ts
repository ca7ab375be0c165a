import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { encodeRecord } from '../../../../mq/protocol/message.ts';
import { offsetMsgId, parseOffsetMsgId } from '../../../../mq/protocol/message-id.ts';
import { encodeProperties } from '../../../../mq/protocol/properties.ts';
import { consumerSendMsgBack } from '../../../../mq/protocol/requests/consumer-send-msg-back.ts';
import { resumeCheckHalfMessage } from '../../../../mq/protocol/requests/resume-check-half-message.ts';
import { ResponseCode } from '../../../../mq/protocol/response-code.ts';
import { BrokerUnderTest, sendReply } from '../broker-under-test.ts';
import { ProducerUnderTest } from '../producer-under-test.ts';

const HALF = 'RMQ_SYS_TRANS_HALF_TOPIC';
const DISCARDED = 'TRANS_CHECK_MAX_TIME_TOPIC';
/** Of a record before its body, with IPv4 hosts. */
const HEAD_BYTES = 88;
const HOST = { address: '127.0.0.1', port: 10911 };

let broker: BrokerUnderTest;
let producer: ProducerUnderTest;

beforeEach(async () => {
  broker = await BrokerUnderTest.start();
  await broker.createTopic('TopicA');
  producer = new ProducerUnderTest(broker.broker.address, 'p1');
  await producer.heartbeat();
});

afterEach(async () => {
  await producer[Symbol.asyncDispose]();
  await broker[Symbol.asyncDispose]();
});

/** Sends a message whose body is a record, with the offset it is going to have; returns that offset. */
async function sendForged(
  topic: string,
  queueOffset: number,
  properties: Record<string, string>,
): Promise<number> {
  const commitLogOffset = broker.broker.store.maxCommitLogOffset + HEAD_BYTES;
  const body = encodeRecord({
    topic,
    queueId: 0,
    flag: 0,
    queueOffset,
    commitLogOffset,
    sysFlag: 0,
    bornTimestamp: 0,
    bornHost: HOST,
    storeTimestamp: 0,
    storeHost: HOST,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body: Buffer.from('0'),
    propertiesString: encodeProperties(new Map(Object.entries(properties))),
  });
  const { msgId } = sendReply(await broker.send({ topic: 'TopicA', body }));
  expect(parseOffsetMsgId(msgId).commitLogOffset + HEAD_BYTES).toBe(commitLogOffset);
  expect(await broker.broker.store.readRecord(commitLogOffset)).toBeDefined();
  return commitLogOffset;
}

describe('a body that looks like a record', () => {
  it('is no half message: it settled the transaction of another producer group', async () => {
    const half = await producer.half({ topic: 'TopicA', body: 'work' });
    const commitLogOffset = await sendForged(HALF, 0, {
      PGROUP: 'stranger',
      TRAN_PREPARED_QUEUE_OFFSET: String(half.halfOffset),
      REAL_TOPIC: 'TopicA',
      REAL_QID: '0',
    });
    const reply = await producer.end(
      { halfOffset: 0, commitLogOffset },
      { producerGroup: 'stranger' },
    );
    expect(reply).toMatchObject({
      code: ResponseCode.SYSTEM_ERROR,
      remark: `no message of ${HALF} begins at commitLogOffset ${commitLogOffset}`,
    });
    expect(broker.broker.context.transactions.openCount).toBe(1);
    expect((await producer.commit(half)).code).toBe(ResponseCode.SUCCESS);
  });

  it('is no discarded half message: it could be resumed into any topic', async () => {
    const commitLogOffset = await sendForged(DISCARDED, 0, {
      PGROUP: 'pg',
      REAL_TOPIC: 'SCHEDULE_TOPIC_XXXX',
      REAL_QID: '0',
    });
    const msgId = offsetMsgId(HOST, commitLogOffset);
    const reply = await broker.request(
      resumeCheckHalfMessage.code,
      resumeCheckHalfMessage.encodeRequest({ msgId }),
    );
    expect(reply.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(await broker.messages(HALF)).toEqual([]);
  });
});

describe('a message that nobody may have yet', () => {
  it.each([
    ['a half message', { TRAN_MSG: 'true', PGROUP: 'pg' }],
    ['a delayed message', { DELAY: '18' }],
    ['a message that waits for its time', { TIMER_DELAY_MS: '600000' }],
  ])('is not sent back to a group: %s would be visible too early', async (_what, properties) => {
    const { msgId } = sendReply(await broker.send({ topic: 'TopicA', properties }));
    const { commitLogOffset: offset } = parseOffsetMsgId(msgId);
    const reply = await broker.request(
      consumerSendMsgBack.code,
      consumerSendMsgBack.encodeRequest({ group: 'cg', offset, delayLevel: 0 }),
    );
    expect(reply.code).toBe(ResponseCode.NO_PERMISSION);
  });
});
