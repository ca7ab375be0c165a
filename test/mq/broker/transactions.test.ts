import { describe, expect, it } from '@jest/globals';
import { failure } from '../../support/failure.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { TransactionsUnderTest } from './transactions-under-test.ts';

describe('a decision', () => {
  it('is refused by a full disk, nothing of it is stored, and a later one settles it', async () => {
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

  it('to commit is refused when the topic was deleted meanwhile, and can be given again when it is back', async () => {
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

describe('a half message that its producer was told of before it was safe', () => {
  it('waits for the disk when it is ended, and is not taken for none', async () => {
    const files = new FaultyFiles();
    const broker = await TransactionsUnderTest.open(files);
    const release = files.holdSyncs();
    const withoutWaiting = await broker.half('a', {}, false);
    const slow = broker.half('b');
    await broker.clock.advanceAndSettle(5_001);
    const ends = [broker.end(withoutWaiting, 'COMMIT'), broker.end(await slow, 'ROLLBACK')];
    const isOver = Promise.all(ends);
    await broker.clock.advanceAndSettle(1_000);
    expect(await broker.visible()).toEqual([]);
    release();
    await isOver;
    expect(await broker.visible()).toEqual(['a']);
    expect(broker.transactions.openCount).toBe(0);
    await broker.close();
  });
});

describe('a half message whose body the disk has damaged', () => {
  it('is neither delivered nor asked after, because its copy would look sound, and can be rolled back', async () => {
    const files = new FaultyFiles();
    const before = await TransactionsUnderTest.open(files);
    const place = await before.half('damaged');
    await before.half('sound');
    await before.close();
    const log = '/store/commitlog/00000000000000000000';
    const bytes = files.bytes(log);
    bytes.write('D', bytes.indexOf('damaged'));
    files.put(log, bytes);

    const logger = new RecordingLogger();
    const startMs = Date.parse('2030-01-02T00:00:00Z');
    const broker = await TransactionsUnderTest.open(files, { logger, startMs });
    expect(await failure(broker.end(place, 'COMMIT'))).toMatchObject({
      code: 'MESSAGE_CORRUPT',
      message: expect.stringContaining('CRC'),
    });
    expect(await broker.visible()).toEqual([]);
    broker.join('p');
    expect(await broker.checkedBodies()).toEqual(['sound']);
    expect(logger.messages('error').join()).toContain('could not be checked');
    await broker.end(place, 'ROLLBACK');
    expect(broker.transactions.openCount).toBe(1);
    await broker.close();
  });
});
