import { describe, expect, it } from '@jest/globals';
import { TRANSACTION_GROUP } from '../../../mq/broker/transaction-log.ts';
import type { MessageExt } from '../../../mq/protocol/message.ts';
import { SystemTopic } from '../../../mq/protocol/names.ts';
import { MessageSysFlag } from '../../../mq/protocol/sys-flag.ts';
import type { AppendMessage } from '../../../mq/store/message-store.ts';
import { failure } from '../../support/failure.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { message, openStore, readAll } from '../store/store-under-test.ts';
import {
  GROUP,
  OFFSETS_FILE,
  TransactionsUnderTest,
  type Place,
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

function originalOffsets(half: number, op: number): Buffer {
  return Buffer.from(
    `{\n\t"offsetTable":{\n\t\t"${SystemTopic.TRANSACTION_HALF}@${TRANSACTION_GROUP}":{0:${half}\n\t\t},\n\t\t` +
      `"${SystemTopic.TRANSACTION_OP}@${TRANSACTION_GROUP}":{0:${op}\n\t\t}\n\t}\n}`,
  );
}

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
    expect((await broker.checkedBodies()).toSorted()).toEqual(['m1', 'm4', 'm6', 'm7']);
    await broker.close();
  });

  it('goes on from its progress', async () => {
    const halves = Array.from({ length: 6 }, (_, index) => originalHalf(`m${index}`));
    const files = await storeWith([...halves, originalOp('0,1,'), originalOp('4,')]);
    files.put(OFFSETS_FILE, originalOffsets(3, 1));
    const broker = await TransactionsUnderTest.open(files);
    broker.join('p');
    expect((await broker.checkedBodies()).toSorted()).toEqual(['m3', 'm5']);
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
    expect(await broker.checkedBodies()).toEqual(['b']);
    await broker.close();
  });

  it('counts no check that may have reached nobody', async () => {
    const files = await storeWith([originalHalf('a', { TRANSACTION_CHECK_TIMES: '99' })]);
    const broker = await TransactionsUnderTest.open(files);
    broker.join('p');
    expect(await broker.checkedBodies()).toEqual(['a']);
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
    expect((await broker.checkedBodies()).toSorted()).toEqual(['a', 'other']);
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

describe('a damaged record', () => {
  const damages: Record<string, (log: Buffer, at: number) => void> = {
    'that has lost its place': (log, at) => log.writeInt32BE(-1, at),
    'whose lengths do not add up': (log, at) => log.writeInt32BE(99_999, at + 84),
  };

  /** Four half messages, of which 'b' and 'c' are rolled back; damages the record that `choose` names. */
  async function damaged(
    how: string,
    choose: (places: readonly Place[], ops: readonly MessageExt[]) => Place | MessageExt,
  ): Promise<{ broker: TransactionsUnderTest; places: Place[]; logger: RecordingLogger }> {
    const files = new FaultyFiles();
    const before = await TransactionsUnderTest.open(files);
    const places: Place[] = [];
    for (const body of ['a', 'b', 'c', 'd']) places.push(await before.half(body));
    await before.end(places[1]!, 'ROLLBACK');
    await before.end(places[2]!, 'ROLLBACK');
    const ops = await readAll(before.store, SystemTopic.TRANSACTION_OP);
    await before.close();
    const log = '/store/commitlog/00000000000000000000';
    const bytes = files.bytes(log);
    damages[how]!(bytes, choose(places, ops).commitLogOffset);
    files.put(log, bytes);
    const logger = new RecordingLogger();
    const startMs = Date.parse('2030-01-02T00:00:00Z');
    return { broker: await TransactionsUnderTest.open(files, { logger, startMs }), places, logger };
  }

  it.each(Object.keys(damages))(
    'of the half messages, %s, keeps the broker from none of the others',
    async (how) => {
      const { broker, places, logger } = await damaged(how, ([first]) => first!);
      expect(logger.messages('error').join()).toContain('damaged, and passed over');
      broker.join('p');
      expect(await broker.checkedBodies()).toEqual(['d']);
      expect((await failure(broker.end(places[1]!, 'COMMIT'))).message).toContain('ROLLED_BACK');
      await broker.end(places[3]!, 'COMMIT');
      expect(await broker.visible()).toEqual(['d']);
      await broker.close();
    },
  );

  it.each(Object.keys(damages))(
    'of the op messages, %s, has its own transaction asked after again and no other',
    async (how) => {
      const { broker, places } = await damaged(how, (_places, [first]) => first!);
      broker.join('p');
      expect(await broker.checkedBodies()).toEqual(['a', 'b', 'd']);
      expect((await failure(broker.end(places[2]!, 'COMMIT'))).message).toContain('ROLLED_BACK');
      await broker.close();
    },
  );
});

describe('an op message that a crash cut off', () => {
  it('leaves the transaction settled where its topic had become smaller, too', async () => {
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

  it('is written later when the disk is full at the start', async () => {
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
