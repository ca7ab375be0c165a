import type { DataSource } from 'typeorm';
import { until } from '../../support/deadline.ts';

/** Waits until so many statements of this schema wait for row locks. */
export async function untilLockWaits(
  dataSource: DataSource,
  schema: string,
  count: number,
): Promise<void> {
  await until(
    async () => {
      const [row]: { count: string }[] = await dataSource.query(
        `SELECT COUNT(*) AS count FROM information_schema.innodb_trx
           JOIN information_schema.processlist ON trx_mysql_thread_id = processlist.id
          WHERE trx_state = 'LOCK WAIT' AND processlist.db = ?`,
        [schema],
      );
      return Number(row?.count) >= count;
    },
    // MariaDB shows a snapshot that it renews only when nobody has looked for 100 ms.
    { what: `${count} statement(s) that wait for a lock`, pollMs: 150 },
  );
}
