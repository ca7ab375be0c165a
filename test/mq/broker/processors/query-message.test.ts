import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RequestOf, ResponseOf } from '../../../../mq/protocol/define-request.ts';
import type { RemotingCommand } from '../../../../mq/protocol/frame.ts';
import { decodeRecords } from '../../../../mq/protocol/message.ts';
import { getEarliestMsgStoretime } from '../../../../mq/protocol/requests/get-earliest-msg-storetime.ts';
import { IndexType, queryMessage } from '../../../../mq/protocol/requests/query-message.ts';
import { searchOffsetByTimestamp } from '../../../../mq/protocol/requests/search-offset-by-timestamp.ts';
import { viewMessageById } from '../../../../mq/protocol/requests/view-message-by-id.ts';
import { ResponseCode } from '../../../../mq/protocol/response-code.ts';
import { stampedBy, systemClock } from '../../../../mq/clock.ts';
import { BrokerUnderTest } from '../broker-under-test.ts';

const START = 1_800_000_000_000;
let nowMs = START;
let broker: BrokerUnderTest;

beforeEach(async () => {
  nowMs = START;
  broker = await BrokerUnderTest.start({
    clock: stampedBy({ now: () => nowMs }, systemClock),
    config: { maxHashSlotNum: 3, maxIndexNum: 20, defaultQueryMaxNum: 2, maxMsgsNumBatch: 4 },
  });
  await broker.createTopic('T');
});

afterEach(async () => {
  await broker[Symbol.asyncDispose]();
});

type Query = Partial<RequestOf<typeof queryMessage>>;

function query(key: string, fields: Query = {}): Promise<RemotingCommand> {
  return broker.request(
    queryMessage.code,
    queryMessage.encodeRequest({
      topic: 'T',
      key,
      maxNum: 32,
      beginTimestamp: 0,
      endTimestamp: Infinity,
      ...fields,
    }),
  );
}

async function found(key: string, fields: Query = {}): Promise<string[]> {
  const { code, body } = await query(key, fields);
  if (code === ResponseCode.QUERY_NOT_FOUND) return [];
  expect(code).toBe(ResponseCode.SUCCESS);
  return decodeRecords(body!).map((record) => record.body.toString());
}

async function send(body: string, properties: Record<string, string>): Promise<void> {
  expect((await broker.send({ topic: 'T', body, properties })).code).toBe(ResponseCode.SUCCESS);
}

describe('a query for a key', () => {
  it('finds a message by each of its keys right after it was sent, and by no part of one', async () => {
    await send('one', { KEYS: 'order-1  customer-7', UNIQ_KEY: 'ID1', TAGS: 'TagA' });
    for (const key of ['order-1', 'customer-7', 'ID1']) expect(await found(key)).toEqual(['one']);
    for (const key of ['order', 'order-1 ', 'order-1  customer-7', 'TagA', '', 'id1']) {
      expect(await found(key)).toEqual([]);
    }
    expect(await found('order-1', { topic: 'Other' })).toEqual([]);
  });

  it('says how far the index goes, and 0 with what found nothing', async () => {
    await send('one', { KEYS: 'k' });
    nowMs += 500;
    await send('two', { KEYS: 'k' });
    const reply = await query('k');
    const second = decodeRecords(reply.body!)[1]!;
    expect(queryMessage.decodeResponse(reply.extFields)).toEqual({
      indexLastUpdateTimestamp: START + 500,
      indexLastUpdatePhyoffset: second.commitLogOffset,
    });
    const nothing = await query('nowhere');
    expect(nothing.code).toBe(ResponseCode.QUERY_NOT_FOUND);
    expect(nothing.remark).toBe('can not find message, maybe time range not correct');
    expect(nothing.body).toBeUndefined();
  });

  it('tells keys of one hash apart', async () => {
    await send('aa', { KEYS: 'Aa' });
    await send('bb', { KEYS: 'BB' });
    expect(await found('Aa')).toEqual(['aa']);
    expect(await found('BB')).toEqual(['bb']);
  });

  it('returns the newest, oldest first, within the limits of both sides', async () => {
    for (let number = 0; number < 9; number++)
      await send(`m${number}`, { KEYS: 'k', UNIQ_KEY: 'u' });
    expect(await found('k')).toEqual(['m5', 'm6', 'm7', 'm8']);
    expect(await found('k', { maxNum: 3 })).toEqual(['m6', 'm7', 'm8']);
    expect(await found('u', { isUniqueKey: true, maxNum: 3 })).toEqual(['m7', 'm8']);
    expect(await found('k', { maxNum: 0 })).toEqual([]);
    const refused = await query('k', { maxNum: -1 });
    expect(refused.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(refused.remark).toContain('-1');
  });

  it('is for a unique key only, or for a tag, when it says so', async () => {
    await send('one', { UNIQ_KEY: 'same', TAGS: 'T#x' });
    await send('two', { KEYS: 'same T#x', TAGS: 'same' });
    expect(await found('same')).toEqual(['one', 'two']);
    expect(await found('same', { isUniqueKey: true })).toEqual(['one']);
    expect(await found('same', { indexType: IndexType.UNIQUE_KEY })).toEqual(['one']);
    expect(await found('same', { indexType: IndexType.TAG })).toEqual(['two']);
    expect(await found('T#x', { indexType: IndexType.TAG })).toEqual(['one']);
    expect(await found('T#x', { indexType: 'unknown' })).toEqual(['two']);
  });

  it('goes by the time of storing to the millisecond, both ends included', async () => {
    for (const [at, body] of [0, 999, 1000, 1001, 61_000].map((ms) => [ms, `at ${ms}`] as const)) {
      nowMs = START + at;
      await send(body, { KEYS: 'k' });
    }
    const between = (begin: number, end: number): Promise<string[]> =>
      found('k', { beginTimestamp: START + begin, endTimestamp: START + end });
    expect(await between(999, 1000)).toEqual(['at 999', 'at 1000']);
    expect(await between(1001, 1001)).toEqual(['at 1001']);
    expect(await between(1, 998)).toEqual([]);
    expect(await between(-5, 0)).toEqual(['at 0']);
    expect(await between(2000, 60_999)).toEqual([]);
    expect(await between(61_000, 61_000)).toEqual(['at 61000']);
    expect(await between(5, 4)).toEqual([]);
  });

  it('finds what was stored while the clock was set back', async () => {
    for (const [at, body] of [
      [0, 'first'],
      [60_000, 'before'],
      [-10_000, 'set back'],
      [61_000, 'after'],
    ] as const) {
      nowMs = START + at;
      await send(body, { KEYS: 'k' });
    }
    const between = (begin: number, end: number): Promise<string[]> =>
      found('k', { beginTimestamp: START + begin, endTimestamp: START + end });
    expect(await between(-10_000, -10_000)).toEqual(['set back']);
    expect(await between(0, 60_000)).toEqual(['first', 'before']);
    expect(await between(-20_000, 70_000)).toEqual(['first', 'before', 'set back', 'after']);
  });

  it('finds a message after a restart, and after the index was switched off meanwhile', async () => {
    await send('one', { KEYS: 'k' });
    await broker.restart({ messageIndexEnable: false });
    await send('two', { KEYS: 'k' });
    const refused = await query('k');
    expect(refused.code).toBe(ResponseCode.QUERY_NOT_FOUND);
    expect(refused.remark).toContain('messageIndexEnable is false');
    await broker.restart();
    expect(await found('k')).toEqual(['one', 'two']);
    await broker.restart();
    expect(await found('k')).toEqual(['one', 'two']);
  });
});

describe('looking at a place in the CommitLog', () => {
  it('is refused where no message begins, in a body too, and outside the log', async () => {
    const body = Buffer.alloc(200);
    await broker.send({ topic: 'T', body });
    const [record] = await broker.messages('T');
    const end = record!.commitLogOffset + record!.storeSize;
    const view = (offset: number): Promise<RemotingCommand> =>
      broker.request(viewMessageById.code, viewMessageById.encodeRequest({ offset }));
    expect((await view(record!.commitLogOffset)).code).toBe(ResponseCode.SUCCESS);
    for (const offset of [-1, 1, 100, end - 1, end, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
      const { code, remark } = await view(offset);
      expect([offset, code]).toEqual([offset, ResponseCode.SYSTEM_ERROR]);
      expect(remark).toContain(String(offset));
    }
  });
});

describe('the offset of a time', () => {
  async function at(timestamp: number, boundaryType?: string): Promise<number> {
    const reply = await broker.request(
      searchOffsetByTimestamp.code,
      searchOffsetByTimestamp.encodeRequest({ topic: 'T', queueId: 0, timestamp, boundaryType }),
    );
    const header: ResponseOf<typeof searchOffsetByTimestamp> =
      searchOffsetByTimestamp.decodeResponse(reply.extFields);
    return header.offset;
  }

  it('is that of the first message then or later, or with upper of the last then or earlier', async () => {
    for (const ms of [100, 200, 200, 200, 300]) {
      nowMs = START + ms;
      await send(`at ${ms}`, {});
    }
    const lower = await Promise.all([0, 100, 101, 200, 201, 300, 301].map((ms) => at(START + ms)));
    expect(lower).toEqual([0, 0, 1, 1, 4, 4, 5]);
    const upper = await Promise.all(
      [0, 100, 101, 200, 201, 300, 301].map((ms) => at(START + ms, 'upper')),
    );
    expect(upper).toEqual([0, 0, 0, 3, 3, 4, 4]);
    expect(await at(START + 200, 'LOWER')).toBe(1);
    expect(await at(START + 200, 'UPPER')).toBe(3);
    expect(await at(START + 200, 'neither')).toBe(1);
    expect(await at(-1)).toBe(0);
    expect(await at(Infinity)).toBe(5);
    expect(await at(Infinity, 'upper')).toBe(4);
  });

  it('is 0 in a queue without messages, whose earliest time is −1', async () => {
    expect([await at(START), await at(START, 'upper')]).toEqual([0, 0]);
    const earliest = async (): Promise<number> => {
      const reply = await broker.request(
        getEarliestMsgStoretime.code,
        getEarliestMsgStoretime.encodeRequest({ topic: 'T', queueId: 0 }),
      );
      return getEarliestMsgStoretime.decodeResponse(reply.extFields).timestamp;
    };
    expect(await earliest()).toBe(-1);
    await send('one', {});
    nowMs += 5;
    await send('two', {});
    expect(await earliest()).toBe(START);
  });
});
