import { describe, expect, it } from '@jest/globals';
import { failure } from '../../support/failure.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
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
