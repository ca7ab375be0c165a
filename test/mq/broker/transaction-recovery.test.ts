import { describe, expect, it } from '@jest/globals';
import { TRANSACTION_GROUP } from '../../../mq/broker/transaction-log.ts';
import { SystemTopic } from '../../../mq/protocol/names.ts';
import { MessageSysFlag } from '../../../mq/protocol/sys-flag.ts';
import type { AppendMessage } from '../../../mq/store/message-store.ts';
import { failure } from '../../support/failure.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { message, openStore } from '../store/store-under-test.ts';
import {
  CHECK_INTERVAL_MS,
  GROUP,
  MAX_CHECKS,
  OFFSETS_FILE,
  TransactionsUnderTest,
} from './transactions-under-test.ts';

/** A half message as an original puts it, first or again: it says nothing of the one before. */
function originalHalf(body: string, properties: Record<string, string> = {}): AppendMessage {
  return message(body, {
    topic: SystemTopic.TRANSACTION_HALF,
    properties: {
      REAL_TOPIC: 'TopicA',
      REAL_QID: '1',
      TRAN_MSG: 'true',
      PGROUP: GROUP,
      UNIQ_KEY: `u-${body}`,
      ...properties,
    },
  });
}

/** An original 4.9 writes one offset, 5.x many with a comma behind each. */
function originalOp(body: string): AppendMessage {
  return message(body, { topic: SystemTopic.TRANSACTION_OP, tag: 'd' });
}

async function storeWith(messages: readonly AppendMessage[]): Promise<FaultyFiles> {
  const files = new FaultyFiles();
  const store = await openStore(files);
  for (const each of messages) await store.append(each);
  await store.close();
  return files;
}

async function checkedBodies(broker: TransactionsUnderTest): Promise<string[]> {
  await broker.round();
  return broker.takeChecks().map(({ body }) => body);
}

function originalOffsets(half: number, op: number): Buffer {
  return Buffer.from(
    `{\n\t"offsetTable":{\n\t\t"${SystemTopic.TRANSACTION_HALF}@${TRANSACTION_GROUP}":{0:${half}\n\t\t},\n\t\t` +
      `"${SystemTopic.TRANSACTION_OP}@${TRANSACTION_GROUP}":{0:${op}\n\t\t}\n\t}\n}`,
  );
}

describe('a store that an original wrote', () => {
  it('is read with its op messages, one offset each or many', async () => {
    const halves = Array.from({ length: 8 }, (_, index) => originalHalf(`m${index}`));
    const files = await storeWith([
      ...halves,
      originalOp('0'),
      originalOp('2,3,5,'),
      originalOp(''),
    ]);
    const broker = await TransactionsUnderTest.open(files);
    broker.join('p');
    expect(broker.transactions.openCount).toBe(4);
    expect((await checkedBodies(broker)).toSorted()).toEqual(['m1', 'm4', 'm6', 'm7']);
    await broker.close();
  });

  it('goes on from its progress', async () => {
    const halves = Array.from({ length: 6 }, (_, index) => originalHalf(`m${index}`));
    const files = await storeWith([...halves, originalOp('0,1,'), originalOp('4,')]);
    files.put(OFFSETS_FILE, originalOffsets(3, 1));
    const broker = await TransactionsUnderTest.open(files);
    broker.join('p');
    expect((await checkedBodies(broker)).toSorted()).toEqual(['m3', 'm5']);
    await broker.close();
  });

  it('has one transaction where a half message was checked and put again', async () => {
    const files = await storeWith([
      originalHalf('twice'),
      originalHalf('other'),
      originalHalf('twice', { TRANSACTION_CHECK_TIMES: '1' }),
      originalHalf('twice', { TRANSACTION_CHECK_TIMES: '2' }),
      originalHalf('committed'),
      originalHalf('committed', { TRANSACTION_CHECK_TIMES: '1' }),
      // The producer's answer named the half message it had sent.
      originalOp('4,'),
    ]);
    const broker = await TransactionsUnderTest.open(files);
    broker.join('p');
    expect(broker.transactions.openCount).toBe(2);
    await broker.round();
    const checks = broker.takeChecks();
    expect(checks.map(({ body }) => body).toSorted()).toEqual(['other', 'twice']);
    for (const check of checks) await broker.end(check, 'COMMIT', true);
    expect((await broker.visible()).toSorted()).toEqual(['other', 'twice']);
    await broker.close();
    const again = await TransactionsUnderTest.open(files);
    expect(again.transactions.openCount).toBe(0);
    await again.close();
  });

  it('has one transaction where immunity made it put a half message again', async () => {
    const again = { TRAN_PREPARED_QUEUE_OFFSET: '0', CHECK_IMMUNITY_TIME_IN_SECONDS: '60' };
    const files = await storeWith([
      originalHalf('a'),
      originalHalf('b'),
      originalHalf('a', again),
      originalOp('0,'),
    ]);
    const broker = await TransactionsUnderTest.open(files);
    broker.join('p');
    expect(await checkedBodies(broker)).toEqual(['b']);
    await broker.close();
  });

  it('counts no check that may have reached nobody', async () => {
    const files = await storeWith([originalHalf('a', { TRANSACTION_CHECK_TIMES: '99' })]);
    const broker = await TransactionsUnderTest.open(files);
    broker.join('p');
    expect(await checkedBodies(broker)).toEqual(['a']);
    expect(await broker.discarded()).toEqual([]);
    await broker.close();
  });

  it('lets an operator resume what it gave up', async () => {
    const discarded = { ...originalHalf('a'), topic: SystemTopic.TRANSACTION_CHECK_MAX_TIME };
    const files = await storeWith([originalHalf('other'), discarded]);
    const broker = await TransactionsUnderTest.open(files);
    broker.join('p');
    const [found] = await broker.discarded();
    await broker.transactions.resume(found!.offsetMsgId);
    expect((await failure(broker.transactions.resume(found!.offsetMsgId))).code).toBe(
      'SYSTEM_ERROR',
    );
    expect((await checkedBodies(broker)).toSorted()).toEqual(['a', 'other']);
    await broker.close();
  });
});

describe('what is kept of progress', () => {
  it('is enough when it is lost, behind, or of only one of the two queues: more is read, nothing else changes', async () => {
    const files = new FaultyFiles();
    const first = await TransactionsUnderTest.open(files.process());
    for (const body of ['a', 'b', 'c']) {
      const place = await first.half(body);
      if (body !== 'b') await first.end(place, 'COMMIT');
    }
    await first.round();
    await first.close();
    for (const offsets of [undefined, originalOffsets(0, 0), originalOffsets(1, 0)]) {
      files.remove(OFFSETS_FILE);
      files.remove(`${OFFSETS_FILE}.bak`);
      if (offsets !== undefined) files.put(OFFSETS_FILE, offsets);
      const broker = await TransactionsUnderTest.open(files.process());
      expect(broker.transactions.openCount).toBe(1);
      expect(await broker.visible()).toEqual(['a', 'c']);
      await broker.close();
    }
  });

  it('is not believed beyond the end of the queues', async () => {
    const files = await storeWith([originalHalf('a'), originalHalf('b')]);
    files.put(OFFSETS_FILE, originalOffsets(7, 3));
    const logger = new RecordingLogger();
    const broker = await TransactionsUnderTest.open(files, { logger });
    expect(broker.transactions.openCount).toBe(2);
    expect(logger.messages('warn').join()).toContain('beyond the end');
    await broker.close();
  });
});

describe('a record that only looks like the end of a transaction', () => {
  it('ends none: an ordinary message with the bits of a committed one is the last of the log', async () => {
    const files = await storeWith([
      originalHalf('a'),
      message('forged', {
        queueId: 1,
        sysFlag: MessageSysFlag.TRANSACTION_COMMIT,
        properties: { UNIQ_KEY: 'another' },
      }),
    ]);
    const broker = await TransactionsUnderTest.open(files);
    expect(broker.transactions.openCount).toBe(1);
    await broker.close();
  });
});

describe('when the disk is full', () => {
  it('a decision is refused, nothing of it is stored, and a later one settles it', async () => {
    const files = new FaultyFiles();
    const store = { diskMaxUsedPercent: 100, diskMinFreeBytes: 0 };
    const broker = await TransactionsUnderTest.open(files, { store });
    const place = await broker.half('a');
    for (const decision of ['COMMIT', 'ROLLBACK', 'COMMIT'] as const) {
      files.failNext('write', { path: 'commitlog', code: 'ENOSPC', afterBytes: 50 });
      expect((await failure(broker.end(place, decision))).code).toBe('SERVICE_NOT_AVAILABLE');
      expect(await broker.visible()).toEqual([]);
      expect(broker.transactions.openCount).toBe(1);
      await broker.clock.advanceAndSettle(1_001);
    }
    broker.join('p');
    await broker.round();
    await broker.end(broker.takeChecks()[0]!, 'COMMIT', true);
    expect(await broker.visible()).toEqual(['a']);
    expect(await broker.halves()).toHaveLength(2);
    await broker.close();
  });

  it('a check counts as long as the process lives, although it cannot be stored', async () => {
    const files = new FaultyFiles();
    const broker = await TransactionsUnderTest.open(files);
    await broker.half('a');
    broker.join('p');
    for (let count = 1; count <= MAX_CHECKS; count++) {
      files.failNext('write', { path: 'commitlog', code: 'ENOSPC' });
      expect(await checkedBodies(broker)).toEqual(['a']);
    }
    expect(await checkedBodies(broker)).toEqual([]);
    expect(await broker.discarded()).toHaveLength(1);
    await broker.close();
  });

  it('what a crash cut off counts as settled where its topic had become smaller, too', async () => {
    const files = new FaultyFiles();
    const broker = await TransactionsUnderTest.open(files.process(), { queueFor: () => 0 });
    await broker.half('before');
    const place = await broker.half('a');
    await broker.end(place, 'COMMIT');
    const endOffset = broker.store.maxCommitLogOffset;
    const opBytes = await opRecordBytes(broker);
    files.killProcess();
    await Promise.allSettled([broker.store.close()]);
    truncateLog(files, endOffset - opBytes);
    const again = await TransactionsUnderTest.open(files.process());
    expect(again.transactions.openCount).toBe(1);
    expect((await failure(again.end(place, 'ROLLBACK'))).message).toContain('COMMITTED');
    await again.close();
  });

  it('what a crash cut off is completed later', async () => {
    const files = new FaultyFiles();
    const broker = await TransactionsUnderTest.open(files.process());
    const place = await broker.half('a');
    await broker.end(place, 'COMMIT');
    const { store } = broker;
    const endOffset = store.maxCommitLogOffset;
    // The op message is the last record: its bytes, and those behind, never reached the disk.
    const opBytes = await opRecordBytes(broker);
    files.killProcess();
    await Promise.allSettled([store.close()]);
    truncateLog(files, endOffset - opBytes);

    files.failNext('write', { path: 'commitlog', code: 'ENOSPC' });
    const again = await TransactionsUnderTest.open(files.process());
    expect(again.transactions.openCount).toBe(0);
    expect(await again.visible()).toEqual(['a']);
    await again.end(place, 'COMMIT');
    expect((await failure(again.end(place, 'ROLLBACK'))).message).toContain('COMMITTED');
    await again.clock.advanceAndSettle(1_001);
    await again.transactions.settled();
    expect(again.store.maxOffset(SystemTopic.TRANSACTION_OP, 0)).toBe(1);
    expect(await again.visible()).toEqual(['a']);
    await again.close();
  });
});

async function opRecordBytes({ store }: TransactionsUnderTest): Promise<number> {
  const found = await store.get({
    topic: SystemTopic.TRANSACTION_OP,
    queueId: 0,
    queueOffset: 0,
    maxCount: 1,
    maxBytes: 10_000,
  });
  return found.buffers[0]!.length;
}

function truncateLog(files: FaultyFiles, sizeBytes: number): void {
  const file = files.open('/store/commitlog/00000000000000000000', 'write');
  file.write(Buffer.alloc(1024), sizeBytes);
  file.close();
}

describe('checking', () => {
  it('does not count a check that its producer never got', async () => {
    const broker = await TransactionsUnderTest.open(new FaultyFiles());
    await broker.half('a');
    const deaf = broker.join('p');
    deaf.oneway = () => Promise.reject(new Error('the socket is gone'));
    for (let round = 0; round < 3 * MAX_CHECKS; round++) await broker.round();
    expect(await broker.discarded()).toEqual([]);
    expect(await broker.halves()).toHaveLength(1);
    await broker.close();
  });

  it('goes to another producer of the group when one does not take it', async () => {
    const broker = await TransactionsUnderTest.open(new FaultyFiles());
    await broker.half('a');
    broker.join('deaf').oneway = () => Promise.reject(new Error('the socket is gone'));
    broker.join('p');
    expect(await checkedBodies(broker)).toEqual(['a']);
    await broker.close();
  });

  it('does not wait for a producer that reads slowly, and stops adding to what it has not read', async () => {
    const broker = await TransactionsUnderTest.open(new FaultyFiles());
    const channel = broker.join('slow');
    const sent = channel.oneway.bind(channel);
    channel.oneway = async (command) => {
      await sent(command);
      return new Promise<void>(() => undefined);
    };
    for (let index = 0; index < 400; index++) await broker.half(`m${index}`);
    expect((await checkedBodies(broker)).length).toBeLessThanOrEqual(300);
    expect(await checkedBodies(broker)).toEqual([]);
    await broker.close();
  });

  it('is neither stalled nor hurried by a wall clock that is set', async () => {
    const files = new FaultyFiles();
    const broker = await TransactionsUnderTest.open(files);
    broker.join('p');
    await broker.half('a', { CHECK_IMMUNITY_TIME_IN_SECONDS: '45' });
    broker.clock.jumpWallClock(365 * 24 * 3_600_000);
    expect(await checkedBodies(broker)).toEqual([]);
    broker.clock.jumpWallClock(-2 * 365 * 24 * 3_600_000);
    expect(await checkedBodies(broker)).toEqual(['a']);
    await broker.close();

    // Stored in the future, as far as the next process can tell.
    const startMs = broker.clock.now() - 24 * 3_600_000;
    const again = await TransactionsUnderTest.open(files, { startMs });
    again.join('p');
    await again.round();
    expect(await checkedBodies(again)).toEqual(['a']);
    await again.close();
  });

  it('costs an idle broker no timer', async () => {
    const broker = await TransactionsUnderTest.open(new FaultyFiles());
    const before = broker.clock.pendingTimers;
    const place = await broker.half('a');
    expect(broker.clock.pendingTimers).toBeGreaterThan(before);
    await broker.end(place, 'ROLLBACK');
    await broker.clock.advanceAndSettle(CHECK_INTERVAL_MS);
    await broker.clock.advanceAndSettle(CHECK_INTERVAL_MS);
    expect(broker.clock.pendingTimers).toBeLessThanOrEqual(before);
    await broker.close();
  });
});

describe('a half message whose producers are away', () => {
  it('is put again when many others have come and gone behind it, so that those cost nothing', async () => {
    const files = new FaultyFiles();
    const broker = await TransactionsUnderTest.open(files.process(), { putAgainBehind: 50 });
    const waiting = await broker.half('waiting');
    for (let round = 0; round < 4; round++) {
      for (let index = 0; index < 30; index++) {
        await broker.end(await broker.half(`${round}-${index}`), 'ROLLBACK');
      }
      await broker.round();
    }
    const progress = broker.offsets.query(TRANSACTION_GROUP, SystemTopic.TRANSACTION_HALF, 0);
    expect(progress).toBeGreaterThan(60);
    await broker.close();

    const again = await TransactionsUnderTest.open(files.process());
    expect(again.transactions.openCount).toBe(1);
    again.join('p');
    expect(await checkedBodies(again)).toEqual(['waiting']);
    await again.end(waiting, 'COMMIT');
    expect(await again.visible()).toEqual(['waiting']);
    await again.close();
  });
});

describe('a commit for a topic that was deleted meanwhile', () => {
  it('is refused and can be given again when the topic is back', async () => {
    const topics = new Set<string>();
    const broker = await TransactionsUnderTest.open(new FaultyFiles(), {
      queueFor: (topic, queueId) => (topics.has(topic) ? queueId : undefined),
    });
    const place = await broker.half('a');
    expect(await failure(broker.end(place, 'COMMIT'))).toMatchObject({ code: 'TOPIC_NOT_EXIST' });
    topics.add('TopicA');
    await broker.end(place, 'COMMIT');
    expect(await broker.visible()).toEqual(['a']);
    await broker.close();
  });
});
