import type { RunningService } from './shop.ts';

/**
 * Takes an Idempotency-Key in a transaction that stays open: the request with that key waits in the middle of its own
 * transaction until the function that this returns has been called.
 */
export async function blockKey(
  order: RunningService,
  key: string,
  operation = 'place-order',
): Promise<() => Promise<void>> {
  const blocker = order.database.createQueryRunner();
  await blocker.startTransaction();
  await blocker.query(
    `INSERT INTO idempotent_requests VALUES (?, ?, REPEAT('0', 64), 'nobody', UTC_TIMESTAMP(3))`,
    [operation, key],
  );
  return async () => {
    await blocker.rollbackTransaction();
    await blocker.release();
  };
}
