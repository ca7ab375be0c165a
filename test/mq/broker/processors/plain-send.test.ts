import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { encodeBatchBody } from '../../../../mq/protocol/batch-body.ts';
import type { RemotingCommand } from '../../../../mq/protocol/frame.ts';
import { readRecordHeader } from '../../../../mq/protocol/message.ts';
import { parseOffsetMsgId } from '../../../../mq/protocol/message-id.ts';
import { sendBatchMessage } from '../../../../mq/protocol/requests/send-batch-message.ts';
import { sendMessageV2 } from '../../../../mq/protocol/requests/send-message-v2.ts';
import { ResponseCode } from '../../../../mq/protocol/response-code.ts';
import { MessageSysFlag } from '../../../../mq/protocol/sys-flag.ts';
import { decodeEntry } from '../../../../mq/store/consume-queue.ts';
import { BrokerUnderTest, sendHeader, sendReply } from '../broker-under-test.ts';
import { plays } from '../../../support/plays.ts';

const TOPIC = 'TopicA';

let broker: BrokerUnderTest;

beforeAll(async () => {
  broker = await BrokerUnderTest.start();
  await broker.createTopic(TOPIC);
});

afterAll(async () => {
  await broker[Symbol.asyncDispose]();
});

const names = fc.oneof(
  fc.constantFrom('UNIQ_KEY', 'TAGS', 'CLUSTER', 'WAIT'),
  fc.constantFrom('KEYS', 'größe', '', 'DELAY', 'POP_CK', '__RMQ.TRANSIENT.x', 'TRAN_MSG'),
);
const values = fc.oneof(
  fc.constantFrom('', 'false', 'x', 'DefaultCluster'),
  fc.constantFrom('true', '0', 'größe', 'a\u0001b', 'UNIQ_KEY\u0001z'),
);
const pair = fc
  .tuple(names, fc.constantFrom('\u0001', '\u0001', '\u0001', ''), values)
  .map((parts) => parts.join(''));
/** As a client may write them, whole or not. */
const properties = fc
  .tuple(fc.array(pair, { maxLength: 5 }), fc.constantFrom('', '\u0002'))
  .map(([pairs, end]) => pairs.join('\u0002') + end);

/** What became of a message: its answer, its record and its entry, without what differs from one to the next. */
async function outcome(reply: RemotingCommand): Promise<unknown> {
  const { code, remark } = reply;
  if (code !== ResponseCode.SUCCESS) return { code, remark };
  const { store } = broker.broker;
  const { msgId, queueId, queueOffset, transactionId = '' } = sendReply(reply);
  const record = (await store.readRecord(parseOffsetMsgId(msgId).commitLogOffset))!;
  const header = readRecordHeader(record);
  const { propertiesAt, propertiesBytes, bodyAt, bodyBytes } = header;
  const { tagsCode } = decodeEntry(store.entries(TOPIC, queueId, queueOffset, 1), 0);
  const isMade = /^[0-9A-F]{32}$/.test(transactionId);
  const stored = record.toString('utf8', propertiesAt, propertiesAt + propertiesBytes);
  return {
    code,
    topic: header.topic,
    queueId: header.queueId,
    tagsCode,
    isOffsetRight: header.queueOffset === queueOffset,
    body: record.toString('utf8', bodyAt, bodyAt + bodyBytes),
    properties: isMade ? stored.replaceAll(transactionId, 'made') : stored,
    uniqKey: isMade ? 'made' : transactionId,
  };
}

function send(given: string, sysFlag: number): Promise<RemotingCommand> {
  const header = { ...sendHeader({ topic: TOPIC }), properties: given, sysFlag };
  return broker.request(sendMessageV2.code, sendMessageV2.encodeRequest(header), {
    body: Buffer.from('m'),
  });
}

function sendInBatch(propertiesString: string): Promise<RemotingCommand> {
  const header = { ...sendHeader({ topic: TOPIC }), properties: '' };
  return broker.request(sendBatchMessage.code, sendMessageV2.encodeRequest(header), {
    body: encodeBatchBody([{ flag: 0, body: Buffer.from('m'), propertiesString }]),
  });
}

describe('a message whose properties are read in one pass', () => {
  it('is stored and answered as one that takes the long way, alone and in a batch', async () => {
    await fc.assert(
      fc.asyncProperty(properties, async (given) => {
        const short = await outcome(await send(given, 0));
        // The phase of a transaction, which this one says it has behind it, is the long way's business.
        const long = await outcome(await send(given, MessageSysFlag.TRANSACTION_COMMIT));
        expect(short).toEqual(long);
        const batched = await sendInBatch(given);
        if (batched.code === ResponseCode.SUCCESS) expect(await outcome(batched)).toEqual(long);
        else expect(batched.remark).toContain('TRAN_MSG');
      }),
      plays(150),
    );
  });
});
