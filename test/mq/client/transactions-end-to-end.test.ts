import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../mq/clock.ts';
import {
  PushConsumer,
  TransactionProducer,
  type ConsumedMessage,
  type LocalTransactionState,
} from '../../../mq/index.ts';
import { startDev, type DevServers } from '../../../mq/server.ts';
import { until } from '../../support/deadline.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { closeOpened, open } from '../../support/opened.ts';

const TOPIC = 'ORDER_EVENTS';

let storeDir: string;
let clock: FakeClock;
let servers: DevServers;
/** Messages and checks go by `clock`, connections by real time. */
async function startServers(listenPort = 0, namesrvPort = 0): Promise<DevServers> {
  return startDev(
    { storePathRootDir: storeDir, listenPort, namesrvPort },
    { clock, peerClock: systemClock },
  );
}

beforeEach(async () => {
  storeDir = await mkdtemp(join(tmpdir(), 'millrace-tx-'));
  clock = new FakeClock();
  servers = await startServers();
});

afterEach(async () => {
  await closeOpened();
  await servers.close();
  await rm(storeDir, { recursive: true, force: true });
});

/** A producer that answers every check as told, and the messages it was asked about. */
async function producer(
  answer: () => LocalTransactionState | Promise<LocalTransactionState> = () => 'UNKNOW',
): Promise<{ member: TransactionProducer; asked: ConsumedMessage[] }> {
  const asked: ConsumedMessage[] = [];
  const member = open(
    new TransactionProducer({
      namesrvAddr: servers.namesrvAddr,
      producerGroup: 'orders',
      shutdownGraceMs: 1,
      checkLocalTransaction: (message) => {
        asked.push(message);
        return answer();
      },
    }),
  );
  await member.start();
  return { member, asked };
}

async function consumer(): Promise<ConsumedMessage[]> {
  const got: ConsumedMessage[] = [];
  const member = open(
    new PushConsumer({
      namesrvAddr: servers.namesrvAddr,
      consumerGroup: 'c',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    }),
  );
  member.subscribe(TOPIC).onMessage((message) => void got.push(message));
  await member.start();
  return got;
}

const message = (body: string) => ({ topic: TOPIC, tags: 'Placed', keys: body, body });
const texts = (messages: readonly ConsumedMessage[]) => messages.map((each) => each.text());

/** Long enough for the next check of every open transaction. */
const toNextCheck = (): Promise<void> => clock.advanceAndSettle(30_000);

describe('a message in a transaction', () => {
  it('is seen after its commit and not before, never after its rollback', async () => {
    const { member } = await producer();
    await member.sendMessageInTransaction(message('first'), () => 'COMMIT_MESSAGE');
    const got = await consumer();
    await member.sendMessageInTransaction(message('regretted'), () => 'ROLLBACK_MESSAGE');
    const { msgId } = await member.sendMessageInTransaction(message('kept'), async (sent) => {
      await until(() => got.length === 1);
      expect(sent.transactionId).toBe(sent.msgId);
      return 'COMMIT_MESSAGE' as const;
    });
    await until(() => got.length === 2, { what: 'the committed messages' });
    expect(texts(got)).toEqual(['first', 'kept']);
    expect(got[1]).toMatchObject({ topic: TOPIC, msgId, tags: 'Placed', keys: ['kept'] });
  });

  it('of a producer that is gone is settled by another of its group', async () => {
    const got = await consumer();
    const first = await producer();
    await first.member.sendMessageInTransaction(message('orphan'), () => 'UNKNOW');
    await first.member.shutdown();
    const second = await producer(() => 'COMMIT_MESSAGE');
    await toNextCheck();
    await until(() => got.length === 1, { what: 'the committed message' });
    expect(first.asked).toEqual([]);
    expect(second.asked[0]).toMatchObject({ topic: TOPIC, keys: ['orphan'] });
    expect(second.asked[0]?.text()).toBe('orphan');
  });

  it('is not decided by a check while its local transaction runs', async () => {
    const got = await consumer();
    const { member, asked } = await producer(() => 'ROLLBACK_MESSAGE');
    await member.sendMessageInTransaction(message('slow'), async () => {
      for (let round = 0; round < 3; round++) await toNextCheck();
      return 'COMMIT_MESSAGE' as const;
    });
    await until(() => got.length === 1, { what: 'the committed message' });
    expect(asked).toEqual([]);
  });

  it('survives a restart of the broker between its half and its end', async () => {
    const { member } = await producer();
    const port = Number(servers.brokerAddr.split(':')[1]);
    const namesrvPort = Number(servers.namesrvAddr.split(':')[1]);
    await member.sendMessageInTransaction(message('order'), async () => {
      await servers.close();
      await until(() => member.knownBrokers().length === 0);
      servers = await startServers(port, namesrvPort);
      await until(() => member.knownBrokers().length === 1);
      return 'COMMIT_MESSAGE' as const;
    });
    const got = await consumer();
    await until(() => got.length === 1, { what: 'the committed message' });
    expect(texts(got)).toEqual(['order']);
  });

  it('whose producer was restarted is asked after before that has sent anything', async () => {
    const got = await consumer();
    const first = await producer();
    const failing = first.member.sendMessageInTransaction(message('order'), () => {
      throw new Error('the process crashes here');
    });
    await expect(failing).rejects.toThrow('the process crashes here');
    await first.member.shutdown();
    const restarted = await producer(() => 'ROLLBACK_MESSAGE');
    await toNextCheck();
    await until(() => restarted.asked.length === 1);
    await until(() => servers.broker.context.transactions.openCount === 0);
    await toNextCheck();
    expect(restarted.asked).toHaveLength(1);
    expect(got).toEqual([]);
  });
});
