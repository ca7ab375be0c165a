import { describe, expect, it } from '@jest/globals';
import { TRANSACTION_GROUP } from '../../../mq/broker/transaction-log.ts';
import { SystemTopic } from '../../../mq/protocol/names.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { message } from '../store/store-under-test.ts';
import { CHECK_INTERVAL_MS, MAX_CHECKS, TransactionsUnderTest } from './transactions-under-test.ts';

const HOUR = 3_600_000;

describe('checking', () => {
  it('does not count a check that its producer never got', async () => {
    const broker = await TransactionsUnderTest.open(new FaultyFiles());
    await broker.half('a');
    const deaf = broker.join('p');
    deaf.oneway = () => Promise.reject(new Error('the socket is gone'));
    for (let round = 0; round < 3 * MAX_CHECKS; round++) await broker.round();
    expect(await broker.discarded()).toEqual([]);
    expect(broker.transactions.discardedCount).toBe(0);
    expect(await broker.halves()).toHaveLength(1);
    await broker.close();
  });

  it('goes to another producer of the group when one does not take it', async () => {
    const broker = await TransactionsUnderTest.open(new FaultyFiles());
    await broker.half('a');
    broker.join('deaf').oneway = () => Promise.reject(new Error('the socket is gone'));
    broker.join('p');
    expect(await broker.checkedBodies()).toEqual(['a']);
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
    expect((await broker.checkedBodies()).length).toBeLessThanOrEqual(300);
    expect(await broker.checkedBodies()).toEqual([]);
    await broker.close();
  });

  it('is neither stalled nor hurried by a wall clock that is set', async () => {
    const files = new FaultyFiles();
    const broker = await TransactionsUnderTest.open(files);
    broker.join('p');
    await broker.half('a', { CHECK_IMMUNITY_TIME_IN_SECONDS: '45' });
    broker.clock.jumpWallClock(365 * 24 * 3_600_000);
    expect(await broker.checkedBodies()).toEqual([]);
    broker.clock.jumpWallClock(-2 * 365 * 24 * 3_600_000);
    expect(await broker.checkedBodies()).toEqual(['a']);
    await broker.close();

    // Stored in the future, as far as the next process can tell.
    const startMs = broker.clock.now() - 24 * 3_600_000;
    const again = await TransactionsUnderTest.open(files, { startMs });
    again.join('p');
    await again.round();
    expect(await again.checkedBodies()).toEqual(['a']);
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

  it('counts as long as the process lives, although it cannot be stored', async () => {
    const files = new FaultyFiles();
    const broker = await TransactionsUnderTest.open(files);
    await broker.half('a');
    broker.join('p');
    for (let count = 1; count <= MAX_CHECKS; count++) {
      files.failNext('write', { path: 'commitlog', code: 'ENOSPC' });
      expect(await broker.checkedBodies()).toEqual(['a']);
    }
    expect(await broker.checkedBodies()).toEqual([]);
    expect(await broker.discarded()).toHaveLength(1);
    expect(broker.transactions.discardedCount).toBe(1);
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
    expect(await again.checkedBodies()).toEqual(['waiting']);
    await again.end(waiting, 'COMMIT');
    expect(await again.visible()).toEqual(['waiting']);
    await again.close();
  });

  it('is put again when it is half as old as what retention removes', async () => {
    const broker = await TransactionsUnderTest.open(new FaultyFiles());
    const waiting = await broker.half('waiting');
    await broker.clock.advanceAndSettle(36 * HOUR - 60_000);
    await broker.round();
    await broker.round();
    expect(await broker.halves()).toHaveLength(1);
    await broker.round();
    expect((await broker.halves()).map(({ commitLogOffset }) => commitLogOffset)).toEqual([
      waiting.commitLogOffset,
      expect.any(Number),
    ]);
    broker.join('p');
    const [check] = (await broker.checkedBodies(), await broker.halves()).slice(-1);
    await broker.end(
      { halfOffset: check!.queueOffset, commitLogOffset: check!.commitLogOffset },
      'COMMIT',
      true,
    );
    expect(await broker.visible()).toEqual(['waiting']);
    await broker.close();
  });

  it('is given up, aloud, when a full disk took its segment', async () => {
    const files = new FaultyFiles();
    const logger = new RecordingLogger();
    const broker = await TransactionsUnderTest.open(files, { logger });
    const lost = await broker.half('lost');
    for (let index = 0; index < 40; index++) await broker.store.append(message('x'.repeat(1000)));
    broker.store.startRetention({
      reservedMs: 72 * HOUR,
      deleteHours: [],
      maxUsedPercent: 75,
      cleansForcibly: true,
      cleanForciblyPercent: 85,
      waitingFrom: () => Infinity,
      isTopic: () => true,
    });
    files.usedPercent = 90;
    broker.join('p');
    await broker.round();
    expect(broker.store.minCommitLogOffset).toBeGreaterThan(lost.commitLogOffset);
    await broker.round();
    expect(broker.transactions.openCount).toBe(0);
    expect(broker.transactions.discardedCount).toBe(1);
    expect(logger.messages('error')).toEqual([
      'a half message was removed before anybody had ended it',
    ]);
    await expect(broker.end(lost, 'COMMIT')).rejects.toMatchObject({ code: 'SYSTEM_ERROR' });
    await broker.close();
  });
});
