import path from 'node:path';
import { beforeEach, expect, it } from '@jest/globals';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { commitLogFile, ROOT } from '../store/store-under-test.ts';
import { BrokerUnderTest, sendReply } from './broker-under-test.ts';

const { UPDATE_CONSUMER_OFFSET, QUERY_CONSUMER_OFFSET, PULL_MESSAGE } = RequestCode;
const queue = { consumerGroup: 'cg', topic: 'TopicA', queueId: '0' };

let disk: FaultyFiles;
let recordStarts: number[];

beforeEach(async () => {
  disk = new FaultyFiles();
  const broker = await start();
  await broker.createTopic('TopicA');
  recordStarts = [];
  for (let sent = 0; sent < 6; sent++) {
    recordStarts.push(broker.broker.store.maxCommitLogOffset);
    expect(sendReply(await broker.send({ topic: 'TopicA', queueId: 0 })).queueOffset).toBe(sent);
  }
  await broker.request(UPDATE_CONSUMER_OFFSET, { ...queue, commitOffset: '6' });
  await broker[Symbol.asyncDispose]();
});

function start(): Promise<BrokerUnderTest> {
  return BrokerUnderTest.start({ clock: new FakeClock(), storeDir: ROOT, files: disk.process() });
}

function flip(at: number): void {
  const bytes = disk.bytes(commitLogFile());
  bytes[at]! ^= 0x10;
  disk.put(commitLogFile(), bytes);
}

it('a log that was cut at damage is among the findings, and progress ends where the queue does', async () => {
  // A crash, and nothing says what was flushed.
  disk.put(path.join(ROOT, 'abort'), Buffer.alloc(0));
  disk.remove(path.join(ROOT, 'checkpoint'));
  flip(recordStarts[3]! + 90);
  await using broker = await start();
  const { context } = broker.broker;
  expect(context.findings.list()).toMatchObject([
    {
      kind: 'STORE_DAMAGED',
      subject: `commitLogOffset ${recordStarts[3]}`,
      what: expect.stringContaining('2 messages behind it in that segment are not served'),
      advice: expect.stringContaining(path.join(ROOT, 'quarantine')),
    },
  ]);
  expect(context.store.maxOffset('TopicA', 0)).toBe(3);
  const progress = await broker.request(QUERY_CONSUMER_OFFSET, queue);
  expect(progress.extFields).toEqual({ offset: '3' });
  expect(sendReply(await broker.send({ topic: 'TopicA', queueId: 0 })).queueOffset).toBe(3);
});

it('a damaged message that a consumer comes to is among the findings, and the consumer gets on', async () => {
  flip(recordStarts[3]! + 3);
  await using broker = await start();
  // Not from memory, which holds nothing of an earlier run.
  const pull = {
    ...queue,
    queueOffset: '3',
    maxMsgNums: '32',
    sysFlag: '4',
    commitOffset: '0',
    suspendTimeoutMillis: '0',
    subscription: '*',
    subVersion: '0',
  };
  const { extFields } = await broker.request(PULL_MESSAGE, pull);
  expect(extFields).toMatchObject({ nextBeginOffset: '4' });
  expect(broker.broker.context.findings.list()).toMatchObject([
    { kind: 'STORE_DAMAGED', subject: 'TopicA:0:3', seenCount: 1 },
  ]);
});
