import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RemotingCommand } from '../../../mq/protocol/frame.ts';
import { recallMessage } from '../../../mq/protocol/requests/recall-message.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { until } from '../../support/deadline.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { ROOT } from '../store/store-under-test.ts';
import { BrokerUnderTest, sendReply } from './broker-under-test.ts';
import { ProducerUnderTest } from './producer-under-test.ts';

const FLUSH_TIMEOUT_MS = 5_000;

let clock: FakeClock;
let disk: FaultyFiles;
let broker: BrokerUnderTest;
let release: () => void = () => {};

beforeEach(async () => {
  clock = new FakeClock();
  disk = new FaultyFiles();
  broker = await BrokerUnderTest.start({
    clock,
    files: disk.process(),
    storeDir: ROOT,
    config: { flushDiskType: 'SYNC_FLUSH', serverChannelMaxIdleTimeSeconds: 86_400 },
  });
  await broker.createTopic('TopicA');
});

afterEach(async () => {
  release();
  await broker[Symbol.asyncDispose]();
});

/** An fsync that outlasts syncFlushTimeout. */
async function slowDisk(begin: () => Promise<unknown>): Promise<void> {
  release = disk.holdSyncs();
  await begin();
  await clock.advanceAndSettle(FLUSH_TIMEOUT_MS + 1, () => settle(20));
}

async function visible(): Promise<string[]> {
  return (await broker.messages('TopicA')).map(({ body }) => body.toString());
}

describe('FLUSH_DISK_TIMEOUT', () => {
  it('of a delayed copy does not count as delivered', async () => {
    await broker.send({ topic: 'TopicA', body: 'm', properties: { DELAY: '1' } });
    const { schedule } = broker.broker.context;
    await slowDisk(() => clock.advanceAndSettle(1_000, () => settle(20)));
    expect(schedule.progress()).toEqual({ scheduleMessageOffset_1: '0,1' });
    release();
    await until(() => schedule.progress()['scheduleMessageOffset_1'] === '1,1');
    expect(await visible()).toEqual(['m']);
  });

  it('of a commit is not answered SUCCESS before it is safe', async () => {
    await using producer = new ProducerUnderTest(broker.broker.address, 'p1');
    await producer.heartbeat();
    const half = await producer.half({ topic: 'TopicA', body: 'work' });
    let code: number | undefined;
    let commit: Promise<void> | undefined;
    await slowDisk(async () => {
      commit = producer.commit(half).then((reply) => {
        code = reply.code;
      });
      await until(() => disk.count('write') > 0 && broker.broker.store.maxCommitLogOffset > 0);
      await settle(50);
    });
    await producer.heartbeat();
    expect(code).toBeUndefined();
    expect(broker.broker.context.transactions.openCount).toBe(1);
    release();
    await commit;
    expect(code).toBe(ResponseCode.SUCCESS);
    expect(await visible()).toEqual(['work']);
  });

  it('of a message that waits does not keep it from being recalled', async () => {
    const properties = { TIMER_DELAY_MS: '600000', UNIQ_KEY: 'm' };
    let sending: Promise<RemotingCommand> | undefined;
    await slowDisk(async () => {
      sending = broker.send({ topic: 'TopicA', body: 'm', properties });
      await until(() => broker.broker.store.maxCommitLogOffset > 0);
      await settle(20);
    });
    const sent = await sending!;
    expect(sent.code).toBe(ResponseCode.FLUSH_DISK_TIMEOUT);
    const { recallHandle } = sendReply(sent);
    const header = { producerGroup: 'pg', topic: 'TopicA', recallHandle: recallHandle! };
    const before = broker.broker.store.maxCommitLogOffset;
    const recalled = broker.request(recallMessage.code, recallMessage.encodeRequest(header));
    await Promise.race([recalled, until(() => broker.broker.store.maxCommitLogOffset > before)]);
    release();
    expect((await recalled).code).toBe(ResponseCode.SUCCESS);
    await clock.advanceAndSettle(600_000);
    await until(() => broker.broker.context.timers.size === 0);
    expect(await visible()).toEqual([]);
  });

  it('of a recall is what its sender is told', async () => {
    const properties = { TIMER_DELAY_MS: '600000', UNIQ_KEY: 'm' };
    const reply = await broker.send({ topic: 'TopicA', body: 'm', properties });
    const { recallHandle } = sendReply(reply);
    const header = { producerGroup: 'pg', topic: 'TopicA', recallHandle: recallHandle! };
    const before = broker.broker.store.maxCommitLogOffset;
    let answered: Promise<number> | undefined;
    await slowDisk(async () => {
      answered = broker
        .request(recallMessage.code, recallMessage.encodeRequest(header))
        .then(({ code }) => code);
      await until(() => broker.broker.store.maxCommitLogOffset > before);
      await settle(20);
    });
    expect(await answered).toBe(ResponseCode.FLUSH_DISK_TIMEOUT);
    release();
  });
});
