import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RemotingCommand, RequestParts } from '../../../../mq/protocol/frame.ts';
import { requestCommand } from '../../../../mq/protocol/frame.ts';
import { encodeHeartbeat } from '../../../../mq/protocol/heartbeat.ts';
import { decodeProperties } from '../../../../mq/protocol/properties.ts';
import { RequestCode } from '../../../../mq/protocol/request-code.ts';
import { pushReplyMessageToClient } from '../../../../mq/protocol/requests/push-reply-message-to-client.ts';
import { sendReplyMessage } from '../../../../mq/protocol/requests/send-reply-message.ts';
import { sendReplyMessageV2 } from '../../../../mq/protocol/requests/send-reply-message-v2.ts';
import { ResponseCode } from '../../../../mq/protocol/response-code.ts';
import { RemotingClient } from '../../../../mq/remoting/remoting-client.ts';
import { BrokerUnderTest, sendHeader, sendReply, type SendFields } from '../broker-under-test.ts';
import { until } from '../../../support/deadline.ts';

const TOPIC = 'DefaultCluster_REPLY_TOPIC';

let broker: BrokerUnderTest;
let requester: RemotingClient;
let pushed: RemotingCommand[];
/** What the requester answers. */
let answer: () => Promise<RequestParts> | RequestParts;

beforeEach(async () => {
  broker = await BrokerUnderTest.start();
  pushed = [];
  answer = () => ({ code: ResponseCode.SUCCESS });
  requester = new RemotingClient({
    processors: new Map([
      [
        RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT,
        (request) => {
          pushed.push(request);
          return Promise.resolve(answer());
        },
      ],
    ]),
  });
  await announce(requester);
});

afterEach(async () => {
  await requester.close();
  await broker[Symbol.asyncDispose]();
});

async function announce(client: RemotingClient): Promise<void> {
  const body = encodeHeartbeat({
    clientID: 'requester',
    producerDataSet: [{ groupName: 'pg' }],
    consumerDataSet: [],
  });
  const heartbeat = requestCommand({ code: RequestCode.HEART_BEAT, body });
  await client.request(broker.broker.address, heartbeat, { timeoutMs: 5_000 });
}

const to = { REPLY_TO_CLIENT: 'requester', CORRELATION_ID: 'c-1', MSG_TYPE: 'reply' };

function reply(fields: Partial<SendFields> = {}, definition = sendReplyMessageV2) {
  const whole = { topic: TOPIC, properties: to, ...fields };
  return broker.request(definition.code, definition.encodeRequest(sendHeader(whole)), {
    body: Buffer.from(whole.body ?? 'pong'),
  });
}

describe('a reply', () => {
  it.each([
    ['with long names', sendReplyMessage],
    ['with one-letter names', sendReplyMessageV2],
  ])('%s is pushed to its requester and stored', async (_how, definition) => {
    const outcome = await reply({ flag: 7, sysFlag: 0 }, definition);
    expect(outcome.code).toBe(ResponseCode.SUCCESS);
    const header = pushReplyMessageToClient.decodeRequest(pushed[0]!.extFields);
    expect(header).toMatchObject({ topic: TOPIC, flag: 7, producerGroup: 'pg' });
    expect(header.storeHost).toBe(broker.broker.address);
    expect(header.bornHost).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(pushed[0]!.body?.toString()).toBe('pong');
    const properties = decodeProperties(header.properties!);
    expect(properties.get('CORRELATION_ID')).toBe('c-1');
    expect(Number(properties.get('PUSH_REPLY_TIME'))).toBe(header.storeTimestamp);
    const [stored] = await broker.messages(TOPIC);
    expect(stored!.body.toString()).toBe('pong');
    const { msgId, queueOffset } = sendReply(outcome);
    expect([msgId, queueOffset]).toEqual([stored!.offsetMsgId, 0]);
  });

  it('that is not stored is answered with all the fields that clients need', async () => {
    await broker.restart({ storeReplyMessageEnable: false });
    await announce(requester);
    const outcome = await reply();
    expect(outcome.code).toBe(ResponseCode.SUCCESS);
    expect(sendReply(outcome)).toMatchObject({ msgId: '0', queueId: 0, queueOffset: 0 });
    expect(pushed).toHaveLength(1);
    expect(await broker.messages(TOPIC)).toEqual([]);
  });

  it('to nobody is an error, and stored all the same, as by the original', async () => {
    const outcome = await reply({ properties: { ...to, REPLY_TO_CLIENT: 'stranger' } });
    expect(outcome.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(outcome.remark).toBe('push reply message fail, channel of <stranger> not found.');
    expect(await broker.messages(TOPIC)).toHaveLength(1);
  });

  it('without an addressee is an error', async () => {
    const outcome = await reply({ properties: {} });
    expect(outcome.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(outcome.remark).toBe('reply message properties[REPLY_TO_CLIENT] is null');
  });

  it('that its requester refuses is an error that says why', async () => {
    answer = () => ({ code: ResponseCode.SYSTEM_ERROR, remark: 'process reply message fail' });
    const outcome = await reply();
    expect(outcome.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(outcome.remark).toBe(
      'push reply message to requester fail: it answered 1, process reply message fail',
    );
  });

  it('whose requester goes away while it has it is an error', async () => {
    answer = () => new Promise(() => void requester.close());
    const outcome = await reply();
    expect(outcome.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(outcome.remark).toMatch(/^push reply message to requester fail: connection closed/);
    await expect(reply()).resolves.toMatchObject({
      remark: 'push reply message fail, channel of <requester> not found.',
    });
  });

  it('finds a requester that has come back on another connection', async () => {
    const again = new RemotingClient({
      processors: new Map([
        [
          RequestCode.PUSH_REPLY_MESSAGE_TO_CLIENT,
          () => {
            pushed.push(requestCommand({ code: 0 }));
            return { code: ResponseCode.SUCCESS };
          },
        ],
      ]),
    });
    await announce(again);
    await requester.close();
    await expect(reply()).resolves.toMatchObject({ code: ResponseCode.SUCCESS });
    expect(pushed).toHaveLength(1);
    await again.close();
  });

  it('is refused, and pushed to nobody, where a message would be', async () => {
    for (const [fields, code] of [
      [{ topic: 'Nowhere' }, ResponseCode.TOPIC_NOT_EXIST],
      [{ topic: 'SCHEDULE_TOPIC_XXXX' }, ResponseCode.NO_PERMISSION],
      [{ body: Buffer.alloc(4 * 1024 * 1024 + 1) }, ResponseCode.MESSAGE_ILLEGAL],
    ] as const) {
      await expect(reply(fields)).resolves.toMatchObject({ code });
    }
    expect(pushed).toEqual([]);
  });

  it('to a requester that answers none is refused when too many are on their way to it', async () => {
    const held: ((parts: RequestParts) => void)[] = [];
    answer = () => new Promise((resolve) => held.push(resolve));
    const outcomes = Array.from({ length: 1_025 }, () => reply());
    const refused = await Promise.race(outcomes);
    expect(refused.remark).toMatch(
      /^push reply message to requester fail: it has not answered 1024 replies of \d+ bytes/,
    );
    // The refusal may overtake those that go by another connection.
    await until(() => held.length === 1_024, { what: 'all other replies at the requester' });
    for (const resolve of held) resolve({ code: ResponseCode.SUCCESS });
    const codes = (await Promise.all(outcomes)).map(({ code }) => code);
    expect(codes.filter((code) => code === ResponseCode.SYSTEM_ERROR)).toHaveLength(1);
  });
});
