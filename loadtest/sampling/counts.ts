import type { Admin } from 'millrace';
import type { Backlog, PersistedRows, Stage } from '../scenario.ts';

/** The rows of a scenario's plateau, as a count for the sampler. */
export function countRows(
  query: Stage['query'],
  { countSql, values }: PersistedRows,
): () => Promise<number> {
  return async () => {
    const [row] = await query<{ count: number }>(countSql, values);
    return row!.count;
  };
}

/** How many messages wait for a group, over all queues of a topic. A queue it has never read from counts as a whole. */
export function countBacklog(
  admin: Pick<Admin, 'consumerProgress'>,
  { group, topic }: Backlog,
): () => Promise<number> {
  return async () => {
    const queues = await admin.consumerProgress(group, topic);
    return queues.reduce((sum, { lag, brokerOffset }) => sum + (lag ?? brokerOffset), 0);
  };
}
