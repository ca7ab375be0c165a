import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { asOneway, requestCommand, type RemotingCommand } from '../../../../mq/protocol/frame.ts';
import { encodeHeartbeat, type MessageModel } from '../../../../mq/protocol/heartbeat.ts';
import type { LanguageName } from '../../../../mq/protocol/language-code.ts';
import { RequestCode } from '../../../../mq/protocol/request-code.ts';
import { pullMessage } from '../../../../mq/protocol/requests/pull-message.ts';
import { decodeResetOffsets } from '../../../../mq/protocol/reset-offset-body.ts';
import { ResponseCode } from '../../../../mq/protocol/response-code.ts';
import { tagSubscription } from '../../../../mq/protocol/subscription.ts';
import { PullSysFlag } from '../../../../mq/protocol/sys-flag.ts';
import { RemotingClient } from '../../../../mq/remoting/remoting-client.ts';
import { until } from '../../../support/deadline.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { FaultyFiles } from '../../../support/faulty-files.ts';
import { BrokerUnderTest } from '../broker-under-test.ts';

const clock = new FakeClock();
const files = new FaultyFiles();
const V5_3 = 479;
let broker: BrokerUnderTest;
let topic: string;
let group: string;
let count = 0;
const members: Member[] = [];

beforeAll(async () => {
  broker = await BrokerUnderTest.start({ clock, files: files.process(), storeDir: '/store' });
});
afterAll(() => broker[Symbol.asyncDispose]());
afterEach(async () => {
  for (const member of members.splice(0)) await member.client.close();
});
beforeEach(async () => {
  topic = `Topic${++count}`;
  group = `cg${count}`;
  await broker.createTopic(topic, 2);
  for (let sent = 0; sent < 4; sent++) {
    await broker.send({ topic, queueId: 0 });
    clock.advance(1_000);
  }
  await broker.send({ topic, queueId: 1 });
});

interface Member {
  readonly client: RemotingClient;
  /** Every RESET_CONSUMER_CLIENT_OFFSET it was sent. */
  readonly resets: RemotingCommand[];
  pull(queueOffset: number, commitOffset?: number, holdMs?: number): Promise<string>;
  report(queueOffset: number): Promise<void>;
  /** What it is answered when it reports and waits for the answer. */
  reportTwoWay(queueOffset: number): Promise<string | undefined>;
  query(): Promise<string | undefined>;
}

async function join(
  options: { language?: LanguageName; messageModel?: MessageModel } = {},
): Promise<Member> {
  const { language = 'JAVA', messageModel = 'CLUSTERING' } = options;
  const resets: RemotingCommand[] = [];
  const client = new RemotingClient({
    processors: new Map([
      [
        RequestCode.RESET_CONSUMER_CLIENT_OFFSET,
        (request) => {
          resets.push(request);
          return undefined;
        },
      ],
    ]),
  });
  const ask = (command: RemotingCommand): Promise<RemotingCommand> =>
    client.request(broker.broker.address, { ...command, language }, { timeoutMs: 60_000 });
  const consumer = {
    groupName: group,
    consumeType: 'CONSUME_PASSIVELY' as const,
    messageModel,
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' as const,
    subscriptionDataSet: [tagSubscription(topic, '*', 1)],
    unitMode: false,
  };
  const body = encodeHeartbeat({
    clientID: `c${members.length}`,
    producerDataSet: [],
    consumerDataSet: [consumer],
  });
  await ask(requestCommand({ code: RequestCode.HEART_BEAT, body }));
  const queue = { consumerGroup: group, topic, queueId: '0' };
  const reporting = (queueOffset: number): RemotingCommand =>
    requestCommand({
      code: RequestCode.UPDATE_CONSUMER_OFFSET,
      extFields: { ...queue, commitOffset: String(queueOffset) },
    });
  const member: Member = {
    client,
    resets,
    pull: async (queueOffset, commitOffset, holdMs = 0) => {
      const { code, extFields } = await ask(
        requestCommand({
          code: pullMessage.code,
          extFields: pullMessage.encodeRequest({
            consumerGroup: group,
            topic,
            queueId: 0,
            queueOffset,
            maxMsgNums: 32,
            sysFlag:
              (holdMs > 0 ? PullSysFlag.SUSPEND : 0) |
              (commitOffset === undefined ? 0 : PullSysFlag.COMMIT_OFFSET),
            commitOffset: commitOffset ?? 0,
            suspendTimeoutMillis: holdMs,
            subVersion: 1,
            expressionType: 'TAG',
          }),
        }),
      );
      return `${code}:${extFields?.['nextBeginOffset']}`;
    },
    report: (queueOffset) => client.oneway(broker.broker.address, asOneway(reporting(queueOffset))),
    reportTwoWay: async (queueOffset) => (await ask(reporting(queueOffset))).remark,
    query: async () => {
      const reply = await ask(
        requestCommand({ code: RequestCode.QUERY_CONSUMER_OFFSET, extFields: queue }),
      );
      return reply.extFields?.['offset'];
    },
  };
  members.push(member);
  return member;
}

function reset(fields: Record<string, string> = {}, version = V5_3): Promise<RemotingCommand> {
  return broker.request(
    RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
    { topic, group, timestamp: '0', isForce: 'true', ...fields },
    { version },
  );
}

function offsets({ code, remark, body }: RemotingCommand): Record<number, number> {
  expect({ code, remark }).toEqual({ code: ResponseCode.SUCCESS, remark: undefined });
  return Object.fromEntries(
    Array.from(decodeResetOffsets(body), ([{ queueId }, offset]) => [queueId, offset]),
  );
}

const progress = (queueId = 0): number | undefined =>
  broker.broker.context.offsets.query(group, topic, queueId);

const MOVED = ResponseCode.PULL_OFFSET_MOVED;
const NOTHING_NEW = ResponseCode.PULL_NOT_FOUND;

describe('a reset', () => {
  it('goes to a time, to the first message kept, to the end, or to an entry of one queue', async () => {
    await join();
    const end = clock.now();
    expect(offsets(await reset({ timestamp: '0' }))).toEqual({ 0: 0, 1: 0 });
    expect(offsets(await reset({ timestamp: String(end - 2_000) }))).toEqual({ 0: 2, 1: 0 });
    expect(offsets(await reset({ timestamp: '-1' }))).toEqual({ 0: 4, 1: 1 });
    expect(offsets(await reset({ queueId: '0', offset: '3' }))).toEqual({ 0: 3 });
    expect(offsets(await reset({ queueId: '1', offset: '-1', timestamp: '0' }))).toEqual({ 1: 0 });
    expect([progress(0), progress(1)]).toEqual([3, 0]);
  });

  it('is what a 4.9 tool asks for, which knows of no queueId, for a group that runs and for one that does not', async () => {
    await join();
    expect(offsets(await reset({ timestamp: '-1' }, 409))).toEqual({ 0: 4, 1: 1 });
    for (const member of members.splice(0)) await member.client.close();
    await until(() => broker.broker.context.consumers.get(group) === undefined, {
      what: 'the member gone',
    });
    expect(offsets(await reset({ timestamp: '0' }, 409))).toEqual({ 0: 0, 1: 0 });
    expect(progress()).toBe(0);
  });

  it('goes backwards only, without force, and answers with where the group then is', async () => {
    const member = await join();
    await member.reportTwoWay(2);
    expect(offsets(await reset({ timestamp: '-1', isForce: 'false' }))).toEqual({ 0: 2, 1: 1 });
    expect(offsets(await reset({ timestamp: '0', isForce: 'false' }))).toEqual({ 0: 0, 1: 0 });
  });

  it.each<[Record<string, string>, number, string]>([
    [{ topic: 'Unknown' }, ResponseCode.TOPIC_NOT_EXIST, 'topic[Unknown] not exist'],
    [{ group: 'unknown' }, ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, 'Group unknown does not'],
    [{ group: 'CID_RMQ_SYS_TRANS' }, ResponseCode.NO_PERMISSION, "is the broker's own"],
    [{ group: 'CID_RMQ_SYS_REVIVE_GROUP' }, ResponseCode.NO_PERMISSION, "is the broker's own"],
    [{ group: 'no group' }, ResponseCode.INVALID_PARAMETER, 'no group'],
    [{ queueId: '2', offset: '0' }, ResponseCode.INVALID_PARAMETER, 'queueId 2 is not a queue of'],
    [
      { queueId: '0', offset: '5' },
      ResponseCode.SYSTEM_ERROR,
      'offset 5 not in consume queue range [0-4]',
    ],
    [
      { queueId: '0', offset: '-2' },
      ResponseCode.SYSTEM_ERROR,
      'offset -2 not in consume queue range [0-4]',
    ],
    [{ timestamp: 'now' }, ResponseCode.INVALID_PARAMETER, 'timestamp: "now" is not an integer'],
  ])('of %j is refused', async (fields, code, sentence) => {
    await join();
    const reply = await reset(fields);
    expect(reply.remark).toContain(sentence);
    expect(reply.code).toBe(code);
    expect(progress()).toBeUndefined();
  });

  it('is on disk when it is answered', async () => {
    await join();
    await reset({ queueId: '0', offset: '3' });
    const text = String(files.bytes('/store/config/consumerOffset.json'));
    const stored = JSON.parse(text) as Record<string, Record<string, unknown>>;
    expect(stored['offsetTable']?.[`${topic}@${group}`]).toEqual({ 0: 3 });
    expect(stored['resetOffsetTable']?.[`${topic}@${group}`]).toEqual({ 0: 3 });
  });
});

describe('a member of a group that was reset', () => {
  it('is told with its next pull, and with the one that is held', async () => {
    const member = await join();
    await member.reportTwoWay(4);
    const held = member.pull(4, 4, 15_000);
    await until(() => broker.broker.context.longPolling.heldCount === 1, { what: 'a held pull' });
    await reset({ queueId: '0', offset: '1' });
    expect(await held).toBe(`${MOVED}:1`);
    expect(await member.pull(4, 4)).toBe(`${MOVED}:1`);
    expect(await member.pull(1, 1)).toBe('0:4');
    expect(await member.pull(4, 4)).toBe(`${NOTHING_NEW}:4`);
    expect(progress()).toBe(4);
  });

  it('reports in vain until it is there, oneway, two-way and with its pulls', async () => {
    const member = await join();
    await reset({ queueId: '0', offset: '1' });
    await member.report(3);
    expect(await member.reportTwoWay(3)).toBe('Offset has been previously reset');
    expect(await member.pull(4, 4)).toBe(`${MOVED}:1`);
    // Java 4.9 and Go go on for ten seconds after they were told.
    await member.report(4);
    expect(await member.query()).toBe('1');
    expect(await member.reportTwoWay(1)).toBeUndefined();
    await member.report(4);
    expect(await member.query()).toBe('1');
    expect(await member.pull(1, 1)).toBe('0:4');
    await member.report(2);
    expect(await member.query()).toBe('2');
  });

  it('that waits at the very place with older messages unfinished is told all the same', async () => {
    const member = await join();
    const held = member.pull(4, 1, 15_000);
    await until(() => broker.broker.context.longPolling.heldCount === 1, { what: 'a held pull' });
    await reset({ timestamp: '-1' });
    expect(await held).toBe(`${MOVED}:4`);
    await member.report(1);
    expect(await member.query()).toBe('4');
  });

  // The queue went to another member and came back: of each time a pull at its end is held.
  it('is told by all of its pulls that are held there, with older messages unfinished', async () => {
    const member = await join();
    const held = [1, undefined, 1, 1, 1].map((at) => member.pull(4, at, 15_000));
    await until(() => broker.broker.context.longPolling.heldCount === 5, { what: 'held pulls' });
    await reset({ timestamp: '-1' });
    expect(await Promise.all(held)).toEqual(held.map(() => `${MOVED}:4`));
    await member.report(2);
    expect(await member.query()).toBe('4');
  });

  it('that asks where it begins is not moved there once more', async () => {
    await join();
    await reset({ queueId: '0', offset: '1' });
    const newcomer = await join();
    expect(await newcomer.query()).toBe('1');
    // In order, nothing is reported with a pull.
    expect(await newcomer.pull(1)).toBe('0:4');
  });

  it('is told by the broker after three seconds if it does not pull, in the form its language reads', async () => {
    const [java, cpp, go] = [
      await join(),
      await join({ language: 'CPP' }),
      await join({ language: 'GO' }),
    ];
    await reset({ timestamp: '-1' });
    clock.advance(2_999);
    expect(await java.query()).toBe('4');
    expect(java.resets).toEqual([]);
    clock.advance(1);
    await until(() => [java, cpp, go].every(({ resets }) => resets.length === 1), {
      what: 'all told',
    });
    expect(java.resets[0]?.extFields).toEqual({ topic, group, timestamp: '-1', isForce: 'true' });
    for (const { resets } of [java, cpp, go]) expect(offsetsOf(resets[0])).toEqual({ 0: 4, 1: 1 });
    expect(String(java.resets[0]?.body)).toMatch(/^\{"offsetTable":\{\{/);
    expect(String(go.resets[0]?.body)).toMatch(/^\{"offsetTable":\{\{/);
    expect(String(cpp.resets[0]?.body)).toMatch(/^\{"offsetTable":\[\{/);
  });

  it('is not told twice when it has heard of it', async () => {
    const member = await join();
    await reset({ timestamp: '-1' });
    expect(await member.pull(0, 0)).toBe(`${MOVED}:4`);
    clock.advance(3_000);
    await until(() => member.resets.length === 1, { what: 'told of the other queue' });
    expect(offsetsOf(member.resets[0])).toEqual({ 1: 1 });
  });
});

describe('a broadcasting group', () => {
  it('is only told, since its members keep their progress themselves', async () => {
    const member = await join({ messageModel: 'BROADCASTING' });
    expect(offsets(await reset({ timestamp: '-1' }))).toEqual({ 0: 4, 1: 1 });
    await until(() => member.resets.length === 1, { what: 'told' });
    expect(offsetsOf(member.resets[0])).toEqual({ 0: 4, 1: 1 });
    expect(progress()).toBeUndefined();
  });
});

describe('a disk that is full', () => {
  it('has the reset refused, although it counts as long as the broker lives', async () => {
    await join();
    files.failNext('write', { path: 'consumerOffset.json', code: 'ENOSPC' });
    const reply = await reset({ timestamp: '-1' });
    expect(reply.code).toBe(ResponseCode.SYSTEM_ERROR);
    expect(reply.remark).toContain('could not be saved and does not outlive the broker');
    expect(progress()).toBe(4);
    expect(offsets(await reset({ timestamp: '-1' }))).toEqual({ 0: 4, 1: 1 });
  });
});

function offsetsOf(command: RemotingCommand | undefined): Record<number, number> {
  return Object.fromEntries(
    Array.from(decodeResetOffsets(command?.body), ([{ queueId }, offset]) => [queueId, offset]),
  );
}
