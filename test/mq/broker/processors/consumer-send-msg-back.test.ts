import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RemotingCommand } from '../../../../mq/protocol/frame.ts';
import type { MessageExt } from '../../../../mq/protocol/message.ts';
import type { RequestOf } from '../../../../mq/protocol/define-request.ts';
import { RequestCode } from '../../../../mq/protocol/request-code.ts';
import { consumerSendMsgBack } from '../../../../mq/protocol/requests/consumer-send-msg-back.ts';
import { sendMessageV2 } from '../../../../mq/protocol/requests/send-message-v2.ts';
import { ResponseCode } from '../../../../mq/protocol/response-code.ts';
import {
  defaultGroupSettings,
  encodeSubscriptionGroup,
  type SubscriptionGroupConfig,
} from '../../../../mq/protocol/subscription-group.ts';
import { until } from '../../../support/deadline.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { BrokerUnderTest, sendHeader } from '../broker-under-test.ts';

const RETRY = '%RETRY%cg';
const HOUR = 3_600_000;

let clock: FakeClock;
let broker: BrokerUnderTest;

beforeEach(async () => {
  clock = new FakeClock();
  // Hours pass at once here, and the client's connection is to survive them.
  broker = await BrokerUnderTest.start({
    clock,
    config: { serverChannelMaxIdleTimeSeconds: 86_400 },
  });
  await broker.createTopic('TopicA');
  await broker.send({ topic: 'TopicA', body: 'work', properties: { TAGS: 'T', UNIQ_KEY: 'u' } });
});

afterEach(async () => {
  await broker[Symbol.asyncDispose]();
});

function sendBack(
  message: MessageExt,
  fields: Partial<RequestOf<typeof consumerSendMsgBack>> = {},
): Promise<RemotingCommand> {
  return broker.request(
    consumerSendMsgBack.code,
    consumerSendMsgBack.encodeRequest({
      offset: message.commitLogOffset,
      group: 'cg',
      delayLevel: 0,
      originMsgId: message.msgId,
      originTopic: message.topic,
      ...fields,
    }),
  );
}

async function setGroup(settings: Partial<SubscriptionGroupConfig>): Promise<void> {
  const body = encodeSubscriptionGroup({ groupName: 'cg', ...defaultGroupSettings, ...settings });
  const code = RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP;
  expect((await broker.request(code, undefined, { body })).code).toBe(ResponseCode.SUCCESS);
}

async function only(topic: string, queueId = 0): Promise<MessageExt> {
  const messages = await broker.messages(topic, queueId);
  expect(messages).toHaveLength(1);
  return messages[0]!;
}

describe('sending a message back', () => {
  it('parks a copy for the retry topic, one level longer than the third each time', async () => {
    const original = await only('TopicA');
    expect((await sendBack(original)).code).toBe(ResponseCode.SUCCESS);
    const parked = await only('SCHEDULE_TOPIC_XXXX', 2);
    expect(parked.reconsumeTimes).toBe(1);
    expect(Object.fromEntries(parked.properties)).toMatchObject({
      REAL_TOPIC: RETRY,
      RETRY_TOPIC: 'TopicA',
      ORIGIN_MESSAGE_ID: original.offsetMsgId,
      DELAY: '3',
      UNIQ_KEY: 'u',
      TAGS: 'T',
    });
    await clock.advanceAndSettle(10_000);
    const retried = await until(async () => (await broker.messages(RETRY))[0]);
    expect(retried).toMatchObject({ topic: RETRY, reconsumeTimes: 1, bornHost: original.bornHost });
    expect(retried.body.toString()).toBe('work');

    expect((await sendBack(retried)).code).toBe(ResponseCode.SUCCESS);
    const again = await only('SCHEDULE_TOPIC_XXXX', 3);
    expect(again.reconsumeTimes).toBe(2);
    expect(again.properties.get('ORIGIN_MESSAGE_ID')).toBe(original.offsetMsgId);
    expect(again.properties.get('RETRY_TOPIC')).toBe('TopicA');
  });

  it('takes a message whose property has a separator in its value, or it would be retried for ever', async () => {
    const properties = 'odd\u0001a\u0001b';
    await broker.request(
      sendMessageV2.code,
      sendMessageV2.encodeRequest({ ...sendHeader({ topic: 'TopicA' }), properties }),
    );
    const odd = (await broker.messages('TopicA'))[1]!;
    expect((await sendBack(odd)).code).toBe(ResponseCode.SUCCESS);
    await clock.advanceAndSettle(HOUR);
    await until(async () => (await broker.messages(RETRY)).length === 1);
    expect((await only(RETRY)).properties.get('odd')).toBe('a\u0001b');
  });

  it('takes any message that a producer could send: there is room for what a retry adds to its properties', async () => {
    const topic = 't'.repeat(127);
    const group = 'g'.repeat(120);
    await broker.createTopic(topic);
    const filled = (bytes: number) => ({ UNIQ_KEY: 'u', big: 'x'.repeat(bytes) });
    const tooMuch = await broker.send({ topic, properties: filled(32_300) });
    expect(tooMuch.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
    const [bytes, limit] = tooMuch.remark!.match(/\d+/g)!.map(Number);
    const fits = 32_300 - (bytes! - limit!);
    const refused = await broker.send({ topic, properties: filled(fits + 1) });
    expect(refused.remark).toContain('properties of 32256 bytes exceed 32255');
    expect(await broker.send({ topic, properties: filled(fits) })).toMatchObject({ code: 0 });
    expect(await sendBack(await only(topic), { group })).toMatchObject({ code: 0 });
    await clock.advanceAndSettle(HOUR);
    const retry = `%RETRY%${group}`;
    await until(async () => (await broker.messages(retry)).length === 1);
    expect(await sendBack(await only(retry), { group })).toMatchObject({ code: 0 });
    expect(await sendBack(await only(retry), { group, delayLevel: -1 })).toMatchObject({ code: 0 });
    expect((await only(`%DLQ%${group}`)).properties.get('big')).toHaveLength(fits);
  });

  it('takes a message that is larger than maxMessageSize has become since, and the copy a consumer sends of it', async () => {
    await broker.createTopic('TopicB');
    await broker.send({ topic: 'TopicB', body: 'x'.repeat(2000) });
    await broker.restart({ maxMessageSize: 1000 });
    expect(await sendBack(await only('TopicB'))).toMatchObject({ code: 0 });
    const copy = { topic: RETRY, body: 'x'.repeat(2000), reconsumeTimes: 1 };
    expect(await broker.send({ ...copy, maxReconsumeTimes: 0 })).toMatchObject({ code: 0 });
    expect((await only('%DLQ%cg')).body).toHaveLength(2000);
  });

  it('honours the level the consumer asks for', async () => {
    await sendBack(await only('TopicA'), { delayLevel: 1 });
    expect((await only('SCHEDULE_TOPIC_XXXX', 0)).reconsumeTimes).toBe(1);
  });

  it('climbs the whole ladder and ends in the DLQ', async () => {
    let message = await only('TopicA');
    for (let retry = 1; retry <= 16; retry++) {
      expect((await sendBack(message, { maxReconsumeTimes: 16 })).code).toBe(ResponseCode.SUCCESS);
      // Not settling after each of the thousands of timers of two hours: a busy machine needs seconds for that.
      clock.advance(2 * HOUR);
      message = await until(async () => (await broker.messages(RETRY))[retry - 1]);
      expect(message.reconsumeTimes).toBe(retry);
    }
    await sendBack(message, { maxReconsumeTimes: 16 });
    const dead = await only('%DLQ%cg');
    expect(dead.reconsumeTimes).toBe(17);
    expect(dead.body.toString()).toBe('work');
    expect(dead.properties.get('RETRY_TOPIC')).toBe('TopicA');
    // Readable, or tools could not show it.
    expect(broker.broker.context.topics.get('%DLQ%cg')?.perm).toBe(6);
    expect(await broker.messages(RETRY)).toHaveLength(16);
  });

  it('goes to the DLQ at once when the consumer gives up', async () => {
    await sendBack(await only('TopicA'), { delayLevel: -1 });
    expect((await only('%DLQ%cg')).reconsumeTimes).toBe(1);
  });

  it.each<[string, number | undefined, number, string]>([
    ['the consumer’s 0 before the group’s', 0, 16, '%DLQ%cg'],
    ['the group’s 0 when the consumer names none', undefined, 0, '%DLQ%cg'],
    ['the group’s at −1, which means the default', -1, 0, '%DLQ%cg'],
    ['the consumer’s, however large', 0x7fff_ffff, 0, 'SCHEDULE_TOPIC_XXXX'],
    ['the group’s, however large', undefined, 0x7fff_ffff, 'SCHEDULE_TOPIC_XXXX'],
  ])('counts to %s', async (_what, named, groups, expected) => {
    await setGroup({ retryMaxTimes: groups });
    const limit = named === undefined ? {} : { maxReconsumeTimes: named };
    expect((await sendBack(await only('TopicA'), limit)).code).toBe(ResponseCode.SUCCESS);
    const dead = await broker.messages('%DLQ%cg');
    const parked = await broker.messages('SCHEDULE_TOPIC_XXXX', 2);
    expect([...dead, ...parked].map(({ topic }) => topic)).toEqual([expected]);
  });

  it('takes a level above the highest for the highest', async () => {
    await sendBack(await only('TopicA'), { delayLevel: 99 });
    expect((await only('SCHEDULE_TOPIC_XXXX', 17)).properties.get('DELAY')).toBe('18');
  });

  it.each(['NaN', '1.5', '', '4294967296'])('refuses the level %j', async (delayLevel) => {
    const { commitLogOffset } = await only('TopicA');
    const header = { offset: String(commitLogOffset), group: 'cg', delayLevel };
    const reply = await broker.request(consumerSendMsgBack.code, header);
    expect(reply.code).toBe(ResponseCode.INVALID_PARAMETER);
    expect(reply.remark).toContain('delayLevel');
    expect(await broker.messages('%DLQ%cg')).toEqual([]);
  });

  it('drops the message of a group whose retry queues an operator has taken away', async () => {
    await setGroup({ retryQueueNums: 0 });
    expect((await sendBack(await only('TopicA'))).code).toBe(ResponseCode.SUCCESS);
    expect((await sendBack(await only('TopicA'), { delayLevel: -1 })).code).toBe(0);
    expect(await broker.messages('SCHEDULE_TOPIC_XXXX', 2)).toEqual([]);
    expect(await broker.messages('%DLQ%cg')).toEqual([]);
  });

  it('spreads retries over the queues that the group has', async () => {
    await setGroup({ retryQueueNums: 3 });
    for (let count = 0; count < 40; count++) await sendBack(await only('TopicA'));
    const parked = await broker.messages('SCHEDULE_TOPIC_XXXX', 2);
    expect(new Set(parked.map(({ properties }) => properties.get('REAL_QID')))).toEqual(
      new Set(['0', '1', '2']),
    );
  });

  it('uses the limit of the group when an older client names none', async () => {
    expect((await sendBack(await only('TopicA'))).code).toBe(ResponseCode.SUCCESS);
    expect(await broker.messages('%DLQ%cg')).toEqual([]);
  });

  it.each([1, 10_000_000])('answers that no record begins at %d', async (offset) => {
    const reply = await sendBack(await only('TopicA'), { offset });
    expect(reply.code).not.toBe(ResponseCode.SUCCESS);
    expect(reply.remark).toContain(String(offset));
  });

  it('refuses a group that may not be created', async () => {
    await broker.restart({ autoCreateSubscriptionGroup: false });
    const reply = await sendBack(await only('TopicA'));
    expect(reply.code).toBe(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST);
  });
});
