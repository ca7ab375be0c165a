import type { DataSource, EntityManager } from 'typeorm';
import { isDeadlock } from './database-errors.ts';

const MAX_ATTEMPTS = 5;

/**
 * Runs `work` in one READ COMMITTED transaction; a deadlock victim is run again, from the start.
 *
 * `work` may therefore run several times and must have no effect outside its `manager`. READ COMMITTED, because
 * after losing to a unique key a transaction must see the winner's committed row.
 */
export async function inTransaction<T>(
  dataSource: DataSource,
  work: (manager: EntityManager) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await dataSource.transaction('READ COMMITTED', work);
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || !isDeadlock(error)) throw error;
    }
  }
}
