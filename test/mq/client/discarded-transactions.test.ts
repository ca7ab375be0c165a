import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../mq/clock.ts';
import { Admin, TransactionProducer, type LocalTransactionState } from '../../../mq/index.ts';
import { startBroker, startNameServer, type Broker, type NameServer } from '../../../mq/server.ts';
import { until } from '../../support/deadline.ts';
import { failure } from '../../support/failure.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const ROUND_MS = 30_000;

let storeDir: string;
let clock: FakeClock;
let nameServer: NameServer;
let broker: Broker;
let admin: Admin;
let producer: TransactionProducer;
let answer: LocalTransactionState;
let askedCount: number;

beforeEach(async () => {
  storeDir = await mkdtemp(join(tmpdir(), 'millrace-discarded-'));
  clock = new FakeClock();
  nameServer = await startNameServer({ listenPort: 0 });
  broker = await startBroker(
    {
      storePathRootDir: storeDir,
      listenPort: 0,
      namesrvAddr: nameServer.address,
      autoCreateTopicEnable: true,
      transactionCheckMax: 1,
    },
    { clock, peerClock: systemClock },
  );
  const namesrvAddr = nameServer.address;
  admin = new Admin({ namesrvAddr });
  answer = 'UNKNOW';
  askedCount = 0;
  producer = new TransactionProducer({
    namesrvAddr,
    producerGroup: 'orders',
    checkLocalTransaction: () => {
      askedCount++;
      return answer;
    },
  });
  await producer.start();
});

afterEach(async () => {
  await producer.shutdown();
  await admin.shutdown();
  await broker.close();
  await nameServer.close();
  await rm(storeDir, { recursive: true, force: true });
});

async function round(): Promise<void> {
  clock.advance(ROUND_MS);
  await broker.context.transactions.settled();
}

/** Asked about once, in vain, and given up. */
async function discard(...bodies: string[]): Promise<void> {
  for (const body of bodies) {
    await producer.sendMessageInTransaction({ topic: 'T', body }, () => 'UNKNOW');
  }
  await round();
  await round();
}

async function listed(): Promise<string[]> {
  return (await admin.discardedTransactions()).map((message) => message.text());
}

describe('discarded transactions', () => {
  it('are none while no broker has given one up', async () => {
    expect(await admin.discardedTransactions()).toEqual([]);
  });

  it('are listed with their real topic until they are resumed, and end as others do then', async () => {
    await discard('a', 'b');
    const [first, second] = await admin.discardedTransactions();
    expect([first!.text(), second!.text()]).toEqual(['a', 'b']);
    expect(first!.properties.get('REAL_TOPIC')).toBe('T');

    await admin.resumeTransaction(first!.offsetMsgId);
    expect(await listed()).toEqual(['b']);
    const again = await failure(admin.resumeTransaction(first!.offsetMsgId));
    expect(again).toMatchObject({ code: 'SYSTEM_ERROR' });
    expect(again.message).toContain('resumed already');

    answer = 'COMMIT_MESSAGE';
    const before = askedCount;
    await round();
    await until(() => askedCount > before);
    const queues = await admin.queues('T');
    await until(async () => {
      const ends = await Promise.all(queues.map((queue) => admin.maxOffset(queue)));
      return ends.reduce((sum, end) => sum + end, 0) === 1;
    });
    expect(await listed()).toEqual(['b']);
  });

  it('come back when a resumed one is given up again', async () => {
    await discard('a');
    const [first] = await admin.discardedTransactions();
    await admin.resumeTransaction(first!.offsetMsgId);
    await round();
    await round();
    const [second, ...rest] = await admin.discardedTransactions();
    expect(second!.text()).toBe('a');
    expect(second!.offsetMsgId).not.toBe(first!.offsetMsgId);
    expect(rest).toEqual([]);
  });

  it('are told from other messages and from no message', async () => {
    const { offsetMsgId } = await producer.sendMessageInTransaction(
      { topic: 'T', body: 'a' },
      () => 'UNKNOW',
    );
    expect((await failure(admin.resumeTransaction(offsetMsgId))).message).toContain(
      'but one of RMQ_SYS_TRANS_HALF_TOPIC',
    );
    expect((await failure(admin.resumeTransaction('nonsense'))).code).toBe('INVALID_ARGUMENT');
  });
});
