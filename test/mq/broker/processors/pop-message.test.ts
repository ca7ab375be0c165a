import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RequestOf, ResponseOf } from '../../../../mq/protocol/define-request.ts';
import { requestCommand, type RemotingCommand } from '../../../../mq/protocol/frame.ts';
import { encodeBatchAck } from '../../../../mq/protocol/batch-ack.ts';
import { decodeRecords, type MessageExt } from '../../../../mq/protocol/message.ts';
import { decodePopHandle, encodePopHandle } from '../../../../mq/protocol/pop-handle.ts';
import {
  decodeAssignments,
  encodeAssignmentQuery,
  encodeRequestMode,
} from '../../../../mq/protocol/queue-assignment.ts';
import { RequestCode } from '../../../../mq/protocol/request-code.ts';
import { ackMessage } from '../../../../mq/protocol/requests/ack-message.ts';
import { changeMessageInvisibletime } from '../../../../mq/protocol/requests/change-message-invisibletime.ts';
import { notification } from '../../../../mq/protocol/requests/notification.ts';
import { peekMessage } from '../../../../mq/protocol/requests/peek-message.ts';
import { pollingInfo } from '../../../../mq/protocol/requests/polling-info.ts';
import { popMessage } from '../../../../mq/protocol/requests/pop-message.ts';
import { ResponseCode } from '../../../../mq/protocol/response-code.ts';
import { RemotingClient } from '../../../../mq/remoting/remoting-client.ts';
import { until } from '../../../support/deadline.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { BrokerUnderTest } from '../broker-under-test.ts';

let broker: BrokerUnderTest;
let clock: FakeClock;
const VERSION_5_5 = 500;

beforeEach(async () => {
  clock = new FakeClock();
  broker = await BrokerUnderTest.start({ clock });
  await broker.createTopic('T', 2);
});

afterEach(async () => {
  await broker[Symbol.asyncDispose]();
});

type Pop = Partial<RequestOf<typeof popMessage>>;

const popFields = (fields: Pop): RequestOf<typeof popMessage> => ({
  consumerGroup: 'g',
  topic: 'T',
  queueId: -1,
  maxMsgNums: 32,
  invisibleTime: 60_000,
  pollTime: 0,
  bornTime: 0,
  initMode: 0,
  ...fields,
});

function request(code: number, ext: Parameters<BrokerUnderTest['request']>[1], body?: Buffer) {
  return broker.request(code, ext, { version: VERSION_5_5, ...(body && { body }) });
}

const pop = (fields: Pop = {}): Promise<RemotingCommand> =>
  request(popMessage.code, popMessage.encodeRequest(popFields(fields)));

interface Popped {
  readonly header: ResponseOf<typeof popMessage>;
  readonly messages: MessageExt[];
}

async function popped(fields: Pop = {}): Promise<Popped> {
  const { code, extFields, body, remark } = await pop(fields);
  expect({ code, remark }).toEqual({ code: ResponseCode.SUCCESS, remark: 'FOUND' });
  return { header: popMessage.decodeResponse(extFields), messages: decodeRecords(body!) };
}

/** As a client computes it. */
function handleOf(
  { header }: Popped,
  { queueId, queueOffset }: MessageExt,
  start = queueOffset,
): string {
  const { popTime, invisibleTime, reviveQid } = header;
  return encodePopHandle({
    startOffset: start,
    popTime,
    invisibleTime,
    reviveQid,
    isRetry: false,
    brokerName: 'broker-a',
    queueId,
    queueOffset,
  });
}

async function ack(
  extraInfo: string,
  fields: Partial<RequestOf<typeof ackMessage>> = {},
): Promise<RemotingCommand> {
  const { queueId, queueOffset: offset } = extraInfo.includes(' ')
    ? decodePopHandle(extraInfo)
    : { queueId: 0, queueOffset: 0 };
  const values = { consumerGroup: 'g', topic: 'T', queueId, offset, extraInfo, ...fields };
  return request(ackMessage.code, ackMessage.encodeRequest(values));
}

const change = (extraInfo: string, invisibleTime: number): Promise<RemotingCommand> => {
  const { queueId, queueOffset: offset } = decodePopHandle(extraInfo);
  const values = { consumerGroup: 'g', topic: 'T', queueId, offset, extraInfo, invisibleTime };
  return request(changeMessageInvisibletime.code, changeMessageInvisibletime.encodeRequest(values));
};

const texts = ({ messages }: Popped): string[] => messages.map(({ body }) => body.toString());

describe('a pop', () => {
  it('takes from every queue, and says where it began in each', async () => {
    for (const [body, queueId] of [
      ['a', 0],
      ['b', 0],
      ['c', 1],
    ] as const) {
      await broker.send({ topic: 'T', queueId, body });
    }
    const found = await popped();
    expect(texts(found).toSorted()).toEqual(['a', 'b', 'c']);
    expect(found.header.startOffsetInfo!.split(';').toSorted()).toEqual(['0 0 0', '0 1 0']);
    expect(found.header.msgOffsetInfo!.split(';').toSorted()).toEqual(['0 0 0,1', '0 1 0']);
    expect(found.header).toMatchObject({ invisibleTime: 60_000, popTime: clock.now(), restNum: 0 });
  });

  it('of a group that is said to be beyond the end of a queue goes on at the end', async () => {
    await broker.send({ topic: 'T', queueId: 0, body: 'a' });
    await popped({ queueId: 0 });
    const beyond = { consumerGroup: 'g', topic: 'T', queueId: '0', commitOffset: '100' };
    const { code } = await request(RequestCode.UPDATE_CONSUMER_OFFSET, beyond);
    expect(code).toBe(ResponseCode.SUCCESS);
    expect((await pop({ queueId: 0 })).code).toBe(ResponseCode.POLLING_TIMEOUT);
    await broker.send({ topic: 'T', queueId: 0, body: 'b' });
    expect(texts(await popped({ queueId: 0 }))).toEqual(['b']);
  });

  it('that finds nothing is held, and answered by the first message, one pop a message', async () => {
    const first = pop({ pollTime: 10_000 });
    await until(() => broker.broker.context.popping.popWaits.heldCount === 1);
    const second = pop({ pollTime: 10_000 });
    const { popWaits } = broker.broker.context.popping;
    await until(() => popWaits.heldCount === 2);
    const info = pollingInfo.encodeRequest({ consumerGroup: 'g', topic: 'T', queueId: -1 });
    const held = await request(pollingInfo.code, info);
    expect(pollingInfo.decodeResponse(held.extFields)).toEqual({ pollingNum: 2 });
    await broker.send({ topic: 'T', body: 'a' });
    expect((await first).code).toBe(ResponseCode.SUCCESS);
    expect(popWaits.heldCount).toBe(1);
    await clock.advanceAndSettle(10_200);
    expect((await second).code).toBe(ResponseCode.POLLING_TIMEOUT);
  });

  it('is not woken by a message it does not want', async () => {
    const held = pop({ pollTime: 10_000, expType: 'SQL92', exp: "colour = 'red'" });
    const { popWaits } = broker.broker.context.popping;
    await until(() => popWaits.heldCount === 1);
    await broker.send({ topic: 'T', body: 'blue', properties: { colour: 'blue' } });
    expect(popWaits.heldCount).toBe(1);
    await broker.send({ topic: 'T', body: 'red', properties: { colour: 'red' } });
    const { body } = await held;
    expect(decodeRecords(body!).map((message) => message.body.toString())).toEqual(['red']);
  });

  it('is looked for no more when its connection is gone', async () => {
    const other = new RemotingClient();
    const code = popMessage.code;
    const extFields = popMessage.encodeRequest(popFields({ pollTime: 10_000 }));
    const gone = other
      .request(broker.broker.address, requestCommand({ code, extFields }), { timeoutMs: 10_000 })
      .catch(() => undefined);
    const { popWaits } = broker.broker.context.popping;
    await until(() => popWaits.heldCount === 1);
    await other.close();
    await gone;
    await until(() => popWaits.heldCount === 0);
    await broker.send({ topic: 'T', body: 'a' });
    expect(texts(await popped())).toEqual(['a']);
  });

  it('with the 16 bits of the ROCKETMQ header that are left of its code is served, too', async () => {
    await broker.send({ topic: 'T', body: 'a' });
    const { code } = await request(
      popMessage.code & 0xffff,
      popMessage.encodeRequest(popFields({})),
    );
    expect(code).toBe(ResponseCode.SUCCESS);
  });

  it.each<[string, Pop, keyof typeof ResponseCode, string]>([
    ['33 messages', { maxMsgNums: 33 }, 'INVALID_PARAMETER', '33, not in 1..32'],
    ['no message', { maxMsgNums: 0 }, 'INVALID_PARAMETER', '0, not in 1..32'],
    ['no time', { invisibleTime: 0 }, 'INVALID_PARAMETER', '0 ms, not in 1..'],
    ['ever', { invisibleTime: 2 ** 50 }, 'INVALID_PARAMETER', 'timerMaxDelaySec'],
    ['a queue too high', { queueId: 2 }, 'INVALID_PARAMETER', 'queueId[2] is illegal'],
    ['a queue too low', { queueId: -2 }, 'INVALID_PARAMETER', 'queueId[-2] is illegal'],
    ['no topic', { topic: 'none' }, 'TOPIC_NOT_EXIST', 'none'],
    [
      'what nobody may have',
      { topic: 'RMQ_SYS_TRANS_HALF_TOPIC' },
      'NO_PERMISSION',
      'cannot be popped',
    ],
    [
      'the revive log',
      { topic: 'rmq_sys_REVIVE_LOG_DefaultCluster' },
      'NO_PERMISSION',
      'cannot be popped',
    ],
    [
      'a group too long',
      { consumerGroup: 'g'.repeat(119) },
      'INVALID_PARAMETER',
      'the name of the retry topic',
    ],
    ['a broken filter', { expType: 'SQL92', exp: 'a >' }, 'SUBSCRIPTION_PARSE_FAILED', 'parse'],
  ])('of %s is refused', async (_what, fields, code, sentence) => {
    const reply = await pop(fields);
    expect(reply).toMatchObject({ code: ResponseCode[code] });
    expect(reply.remark).toContain(sentence);
  });
});

describe('an acknowledgement', () => {
  it('moves the group on; late, repeated and forged ones do nothing', async () => {
    await broker.send({ topic: 'T', body: 'a' });
    const found = await popped();
    const handle = handleOf(found, found.messages[0]!);
    const { offsets, popping } = broker.broker.context;
    const forged = handle.replace(String(found.header.popTime), String(found.header.popTime - 1));
    expect((await ack(forged)).code).toBe(ResponseCode.SUCCESS);
    expect(popping.pops.invisibleCount).toBe(1);
    for (let times = 0; times < 2; times++) {
      expect((await ack(handle)).code).toBe(ResponseCode.SUCCESS);
      expect(popping.pops.invisibleCount).toBe(0);
      expect(offsets.query('g', 'T', found.messages[0]!.queueId)).toBe(1);
    }
    expect(await change(handle, 1_000)).toMatchObject({ code: ResponseCode.NO_MESSAGE });
  });

  it.each<[string, Partial<RequestOf<typeof ackMessage>>, keyof typeof ResponseCode]>([
    ['a topic that is not there', { topic: 'none' }, 'TOPIC_NOT_EXIST'],
    ['a queue that is not there', { queueId: 9 }, 'MESSAGE_ILLEGAL'],
    ['a negative queue', { queueId: -1 }, 'MESSAGE_ILLEGAL'],
    ['a message that is not there', { offset: 7 }, 'NO_MESSAGE'],
    ['a negative offset', { offset: -1 }, 'NO_MESSAGE'],
    ['no handle', { extraInfo: 'x' }, 'INVALID_PARAMETER'],
  ])('of %s is refused', async (_what, fields, code) => {
    await broker.send({ topic: 'T', queueId: 0, body: 'a' });
    const found = await popped();
    const reply = await ack(handleOf(found, found.messages[0]!), fields);
    expect(reply).toMatchObject({ code: ResponseCode[code] });
    expect(broker.broker.context.popping.pops.invisibleCount).toBe(1);
  });

  it('of a batch does what it can, and is refused when it names nothing', async () => {
    for (const body of ['a', 'b', 'c']) await broker.send({ topic: 'T', queueId: 1, body });
    const { header } = await popped();
    const batch = {
      consumerGroup: 'g',
      topic: 'T',
      isRetry: false,
      startOffset: 0,
      queueId: 1,
      reviveQid: header.reviveQid,
      popTime: header.popTime,
      invisibleTime: header.invisibleTime,
      queueOffsets: [0, 2, 40],
    };
    const body = encodeBatchAck({
      brokerName: 'broker-a',
      acks: [{ ...batch, queueId: 0 }, batch],
    });
    expect((await request(RequestCode.BATCH_ACK_MESSAGE, undefined, body)).code).toBe(0);
    expect(broker.broker.context.popping.pops.invisibleCount).toBe(1);
    const empty = encodeBatchAck({ brokerName: 'broker-a', acks: [] });
    const refused = await request(RequestCode.BATCH_ACK_MESSAGE, undefined, empty);
    expect(refused.code).toBe(ResponseCode.NO_MESSAGE);
  });
});

describe('a pop in order', () => {
  const inOrder = { order: true, queueId: 0, invisibleTime: 5_000 };

  async function sendThree(): Promise<void> {
    for (const body of ['a', 'b', 'c']) await broker.send({ topic: 'T', queueId: 0, body });
  }

  it('gets nothing else of the queue before all it had is acknowledged', async () => {
    await sendThree();
    const found = await popped({ ...inOrder, maxMsgNums: 2, attemptId: '1' });
    expect(texts(found)).toEqual(['a', 'b']);
    expect(found.header).toMatchObject({ reviveQid: 999, orderCountInfo: '0 0 0' });
    expect((await pop(inOrder)).code).toBe(ResponseCode.POLLING_TIMEOUT);
    // The reply was lost: who asks again under the same attempt gets the same again.
    const again = await popped({ ...inOrder, maxMsgNums: 2, attemptId: '1' });
    expect(texts(again)).toEqual(['a', 'b']);
    const held = pop({ ...inOrder, pollTime: 10_000 });
    const { popWaits, pops } = broker.broker.context.popping;
    await until(() => popWaits.heldCount === 1);
    const [a, b] = again.messages;
    await ack(handleOf(again, a!));
    expect(broker.broker.context.offsets.query('g', 'T', 0)).toBe(1);
    expect(popWaits.heldCount).toBe(1);
    expect(await ack(handleOf(again, { ...b!, queueOffset: 2 }))).toMatchObject({
      code: ResponseCode.MESSAGE_ILLEGAL,
    });
    await ack(handleOf(again, b!));
    const { body } = await held;
    expect(decodeRecords(body!).map((message) => message.body.toString())).toEqual(['c']);
    expect(broker.broker.context.offsets.query('g', 'T', 0)).toBe(2);
    expect(pops.invisibleCount).toBe(0);
  });

  it('gets the same again when its time is over, with how often it came, over a restart', async () => {
    await sendThree();
    await popped({ ...inOrder, maxMsgNums: 2 });
    await clock.advanceAndSettle(3_000);
    await broker.restart();
    expect((await pop(inOrder)).code).toBe(ResponseCode.POLLING_TIMEOUT);
    await clock.advanceAndSettle(2_100);
    const again = await popped({ ...inOrder, maxMsgNums: 3 });
    expect(texts(again)).toEqual(['a', 'b', 'c']);
    expect(again.header.orderCountInfo).toBe('0 qo0%0 1;0 qo0%1 1;0 0 0');
  });

  it('is told when the time that it was changed to is over', async () => {
    await sendThree();
    const found = await popped({ ...inOrder, maxMsgNums: 1 });
    const handle = handleOf(found, found.messages[0]!);
    const changed = await change(handle, 30_000);
    const { popTime, invisibleTime } = changeMessageInvisibletime.decodeResponse(changed.extFields);
    expect({ popTime, invisibleTime }).toEqual({
      popTime: found.header.popTime,
      invisibleTime: 30_000,
    });
    await clock.advanceAndSettle(10_000);
    const held = pop({ ...inOrder, pollTime: 60_000 });
    await until(() => broker.broker.context.popping.popWaits.heldCount === 1);
    await clock.advanceAndSettle(20_200);
    expect((await held).code).toBe(ResponseCode.SUCCESS);
  });

  it('begins anew where its group is set to', async () => {
    await sendThree();
    await popped({ ...inOrder, maxMsgNums: 2 });
    const at = { group: 'g', topic: 'T', queueId: 0 };
    broker.broker.context.offsets.reset(at, 2);
    expect(texts(await popped(inOrder))).toEqual(['c']);
  });
});

describe('a topic that is deleted', () => {
  it('takes along what was to come again of it', async () => {
    await broker.send({ topic: 'T', queueId: 0, body: 'a' });
    await popped({ invisibleTime: 1_000 });
    await clock.advanceAndSettle(1_200);
    await until(() => broker.broker.context.topics.get('%RETRY%g_T') !== undefined);
    await until(() => broker.broker.store.maxOffset('%RETRY%g_T', 0) === 1);
    await request(RequestCode.DELETE_TOPIC_IN_BROKER, { topic: 'T' });
    expect(broker.broker.context.topics.get('%RETRY%g_T')).toBeUndefined();
    await broker.createTopic('T', 1);
    expect((await pop()).code).toBe(ResponseCode.POLLING_TIMEOUT);
  });

  it('leaves what may be of another', async () => {
    await broker.createTopic('x_T', 1);
    await broker.send({ topic: 'x_T', queueId: 0, body: 'a' });
    await popped({ topic: 'x_T', invisibleTime: 1_000 });
    await clock.advanceAndSettle(1_200);
    await until(() => broker.broker.store.maxOffset('%RETRY%g_x_T', 0) === 1);
    await pop({ consumerGroup: 'g_x' });
    await request(RequestCode.DELETE_TOPIC_IN_BROKER, { topic: 'T' });
    expect((await popped({ topic: 'x_T' })).messages).toHaveLength(1);
  });
});

describe('looking before popping', () => {
  it('peeks without making anything invisible, and is notified of what comes', async () => {
    const peek = (): Promise<RemotingCommand> =>
      request(
        peekMessage.code,
        peekMessage.encodeRequest({ consumerGroup: 'g', topic: 'T', queueId: -1, maxMsgNums: 1 }),
      );
    expect((await peek()).code).toBe(ResponseCode.PULL_NOT_FOUND);
    const wanted = notification.encodeRequest({
      consumerGroup: 'g',
      topic: 'T',
      queueId: -1,
      pollTime: 10_000,
      bornTime: 0,
    });
    const told = request(notification.code, wanted);
    await until(() => broker.broker.context.popping.notificationWaits.heldCount === 1);
    await broker.send({ topic: 'T', body: 'a' });
    expect(notification.decodeResponse((await told).extFields).hasMsg).toBe(true);
    for (let times = 0; times < 2; times++) {
      const { body } = await peek();
      expect(decodeRecords(body!)).toHaveLength(1);
    }
    expect(texts(await popped())).toEqual(['a']);
    expect((await peek()).code).toBe(ResponseCode.PULL_NOT_FOUND);
  });
});

describe('how a group is to consume', () => {
  const setting = { topic: 'T', consumerGroup: 'g', mode: 'POP' as const, popShareQueueNum: 0 };
  const query = encodeAssignmentQuery({
    topic: 'T',
    consumerGroup: 'g',
    clientId: 'c1',
    strategyName: 'AVG',
    messageModel: 'CLUSTERING',
  });

  it('is kept over a restart, and forgotten with the topic', async () => {
    const set = await request(
      RequestCode.SET_MESSAGE_REQUEST_MODE,
      undefined,
      encodeRequestMode(setting),
    );
    expect(set.code).toBe(ResponseCode.SUCCESS);
    await broker.restart();
    const { requestModes } = broker.broker.context;
    expect(requestModes.get('T', 'g')).toEqual({ mode: 'POP', popShareQueueNum: 0 });
    await request(RequestCode.DELETE_TOPIC_IN_BROKER, { topic: 'T' });
    expect(requestModes.get('T', 'g')).toBeUndefined();
  });

  it('is not told to who is no member', async () => {
    const { body } = await request(RequestCode.QUERY_ASSIGNMENT, undefined, query);
    expect(decodeAssignments(body)).toBeUndefined();
  });

  it.each([
    [{ ...setting, topic: '%RETRY%g' }, 'NO_PERMISSION'],
    [{ ...setting, topic: 'none' }, 'TOPIC_NOT_EXIST'],
    [{ ...setting, mode: 'PUSH' as 'POP' }, 'INVALID_PARAMETER'],
  ] as const)('%j is refused with %s', async (given, code) => {
    const body = encodeRequestMode(given);
    const reply = await request(RequestCode.SET_MESSAGE_REQUEST_MODE, undefined, body);
    expect(reply.code).toBe(ResponseCode[code]);
  });
});
