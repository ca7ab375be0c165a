import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource, EntityManager } from 'typeorm';
import { isDeadlock } from './database-errors.ts';

const MAX_ATTEMPTS = 10;
const PAUSE_STEP_MS = 10;

/**
 * Runs `work` in one transaction, READ COMMITTED as all of a service's connections are; a deadlock victim is run again, from
 * the start.
 *
 * `work` may therefore run several times and must have no effect outside its `manager`. READ COMMITTED, because
 * after losing to a unique key a transaction must see the winner's committed row. Deadlocks do happen: when an
 * insert is rolled back, all who waited for its unique key share a lock that each of them then wants alone. They
 * come back one by one, after pauses of random length.
 */
export async function inTransaction<T>(
  dataSource: DataSource,
  work: (manager: EntityManager) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await dataSource.transaction(work);
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || !isDeadlock(error)) throw error;
    }
    await delay(randomInt(1, PAUSE_STEP_MS * attempt + 2));
  }
}
