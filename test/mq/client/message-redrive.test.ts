import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { clientSettings } from '../../../mq/client/client-options.ts';
import { MessageRedrive } from '../../../mq/client/message-redrive.ts';
import { MqClient } from '../../../mq/client/mq-client.ts';
import { decodeRecord } from '../../../mq/protocol/message.ts';
import { decodeProperties } from '../../../mq/protocol/properties.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { record, stored } from './scripted-cluster.ts';
import { ScriptedPeer } from './scripted-peer.ts';

const VIEW = RequestCode.VIEW_MESSAGE_BY_ID;
const SEND = RequestCode.SEND_MESSAGE_V2;

let broker: ScriptedPeer;
let client: MqClient;
let redrive: MessageRedrive;

beforeEach(async () => {
  broker = await ScriptedPeer.listen();
  broker.answer(SEND, { extFields: stored });
  client = new MqClient(clientSettings({ namesrvAddr: '127.0.0.1:1', requestTimeoutMs: 200 }));
  redrive = new MessageRedrive(client, 'g');
});

afterEach(async () => {
  await client.close();
  await broker[Symbol.asyncDispose]();
});

const brokers = () => [{ brokerName: 'broker-a', address: broker.address }];

/** Lets the broker have these records, and nothing elsewhere. */
function keep(...records: readonly Buffer[]): void {
  broker.on(VIEW, (request, reply) => {
    const offset = request.extFields?.['offset'];
    const found = records.find(
      (one) => String(decodeRecord(one, 0, { verifyCrc: false }).commitLogOffset) === offset,
    );
    if (found === undefined)
      reply({ code: ResponseCode.SYSTEM_ERROR, remark: `no message at ${offset}` });
    else reply({ code: 0, body: found });
  });
}

const dead = record({
  topic: '%DLQ%g',
  queueOffset: 3,
  reconsumeTimes: 17,
  properties: {
    UNIQ_KEY: 'id-3',
    RETRY_TOPIC: 'T',
    DELAY: '18',
    WAIT: 'false',
    DLQ_REASON: 'no',
    a: 'b',
  },
});
const { offsetMsgId } = decodeRecord(dead);

describe('redriving one message', () => {
  it('asks for no retries before, no delay, no limit but the group’s, and a queue of the broker’s choice', async () => {
    keep(dead);
    const result = await redrive.redrive(offsetMsgId, brokers());
    expect(result).toMatchObject({ offsetMsgId, msgId: 'id-3', status: 'REDRIVEN' });
    const [sent] = broker.requests(SEND);
    expect(sent!.extFields).toMatchObject({
      a: 'g',
      b: '%RETRY%g',
      e: '-1',
      f: '0',
      j: '0',
      m: 'false',
    });
    expect(sent!.extFields).not.toHaveProperty('l');
    expect(Object.fromEntries(decodeProperties(sent!.extFields!['i']!))).toEqual({
      UNIQ_KEY: 'id-3',
      RETRY_TOPIC: 'T',
      ORIGIN_MESSAGE_ID: offsetMsgId,
      a: 'b',
    });
    expect(sent!.body!.toString()).toBe('hello');
  });

  it('refuses a damaged body, which would get a CRC that fits it', async () => {
    const damaged = Buffer.from(dead);
    damaged.writeInt32BE(damaged.readInt32BE(8) ^ 1, 8);
    keep(damaged);
    const result = await redrive.redrive(offsetMsgId, brokers());
    expect(result).toMatchObject({ status: 'FAILED', error: { code: 'MESSAGE_CORRUPT' } });
    expect(broker.requests(SEND)).toEqual([]);
  });

  it('says when it could not look where the copy went', async () => {
    let count = 0;
    broker.on(VIEW, (_request, reply) => {
      if (count++ === 0) reply({ code: 0, body: dead });
      else reply({ code: ResponseCode.SYSTEM_BUSY, remark: 'later' });
    });
    const result = await redrive.redrive(offsetMsgId, brokers());
    expect(result).toMatchObject({ status: 'REDRIVEN', error: { code: 'SYSTEM_BUSY' } });
    expect(result.error!.message).toContain(stored.msgId);
  });

  it('says when the copy is not where its broker said', async () => {
    keep(dead);
    const result = await redrive.redrive(offsetMsgId, brokers());
    expect(result).toMatchObject({ status: 'REDRIVEN', error: { code: 'QUERY_NOT_FOUND' } });
  });

  it('leaves open whether a copy is stored whose answer did not come', async () => {
    keep(dead);
    broker.on(SEND, () => undefined);
    const result = await redrive.redrive(offsetMsgId, brokers());
    expect(result).toMatchObject({ status: 'FAILED', error: { code: 'REQUEST_TIMEOUT' } });
    expect(result.sent).toBeUndefined();
  });

  it('does not say NOT_FOUND while a broker that may have the message cannot be asked', async () => {
    keep();
    const gone = { brokerName: 'broker-b', address: '127.0.0.1:1' };
    const result = await redrive.redrive(offsetMsgId, [gone, ...brokers()]);
    expect(result).toMatchObject({ status: 'FAILED', error: { code: 'CONNECT_FAILED' } });
    const alone = await redrive.redrive(offsetMsgId, brokers());
    expect(alone).toMatchObject({ status: 'NOT_FOUND', msgId: undefined });
    // Found on one, it does not matter that the other is gone.
    keep(dead);
    expect(await redrive.redrive(offsetMsgId, [gone, ...brokers()])).toMatchObject({
      status: 'REDRIVEN',
    });
  });

  it('does not take another message for it that is at the same place on another broker', async () => {
    keep(dead);
    const elsewhere = offsetMsgId.replace(/^7F000001/, '7F000002');
    expect(await redrive.redrive(elsewhere, brokers())).toMatchObject({ status: 'NOT_FOUND' });
  });

  it.each([
    ['a reply that is no record', Buffer.from('nonsense')],
    ['an empty reply', undefined],
  ])('has an answer for %s', async (_what, body) => {
    broker.answer(VIEW, { body });
    const result = await redrive.redrive(offsetMsgId, brokers());
    expect(['FAILED', 'NOT_FOUND']).toContain(result.status);
    expect(broker.requests(SEND)).toEqual([]);
  });
});
