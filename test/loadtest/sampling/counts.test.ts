import { expect, test } from '@jest/globals';
import { countBacklog, countRows } from '../../../loadtest/sampling/counts.ts';

test('a backlog is the sum over all queues; one that was never read from counts as a whole', async () => {
  const asked: string[] = [];
  const count = countBacklog(
    {
      consumerProgress: async (group, topic) => {
        asked.push(`${group} ${topic}`);
        const messageQueue = { topic, brokerName: 'broker-a', queueId: 0 };
        return [
          { messageQueue, brokerOffset: 10, consumerOffset: 7, lag: 3 },
          { messageQueue, brokerOffset: 5, consumerOffset: undefined, lag: undefined },
        ];
      },
    },
    { group: 'g', topic: 'T' },
  );
  expect(await count()).toBe(8);
  expect(asked).toEqual(['g T']);
});

test('rows are counted by the statement of the scenario', async () => {
  const count = countRows(
    async <T>(sql: string, values?: readonly unknown[]) => [{ count: 4, sql, values }] as T[],
    { countSql: 'SELECT COUNT(*) AS count FROM t WHERE a = ?', values: [1] },
  );
  expect(await count()).toBe(4);
});
