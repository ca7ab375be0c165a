import { describe, expect, it } from '@jest/globals';
import type { Connection } from 'mysql2/promise';
import { binlogSettings, purge, whatToSet } from '../../../infra/databases/binlog.ts';

const good = new Map([
  ['log_bin', 'ON'],
  ['binlog_format', 'ROW'],
  ['binlog_row_image', 'FULL'],
  ['binlog_row_metadata', 'FULL'],
]);

describe('the binlog of a MariaDB', () => {
  it('of ours has the rows of the order database, and not those of the copy', () => {
    expect(binlogSettings).toContain('--log-bin=binlog');
    expect(binlogSettings).toContain('--binlog-ignore-db=millrace_copy');
    expect(binlogSettings).toContain('--binlog-ignore-db=millrace_stock');
    expect(binlogSettings).not.toContain('--binlog-ignore-db=millrace_order');
  });

  it('of ours is bounded in size and in time', () => {
    const value = (name: string): number =>
      Number(binlogSettings.find((each) => each.startsWith(`${name}=`))?.split('=')[1]);
    expect(value('--max-binlog-size')).toBeLessThanOrEqual(2 ** 30);
    // MariaDB takes 99 days at most.
    expect(value('--binlog-expire-logs-seconds')).toBeGreaterThan(0);
    expect(value('--binlog-expire-logs-seconds')).toBeLessThanOrEqual(8_553_600);
  });

  it('that was given can be followed when it has all rows and the names of their columns', () => {
    expect(whatToSet(good)).toBeUndefined();
  });

  it('that was given and is off is refused with the line that sets it', () => {
    const problem = whatToSet(new Map([...good, ['log_bin', 'OFF']]));
    expect(problem).toContain('log_bin is OFF, it must be ON');
    expect(problem).toContain('--log-bin=binlog --server-id=1');
  });

  it('that was given and is wrong in two ways says both', () => {
    const problem = whatToSet(
      new Map([...good, ['binlog_format', 'MIXED'], ['binlog_row_metadata', 'NO_LOG']]),
    );
    expect(problem).toContain('binlog_format is MIXED, it must be ROW');
    expect(problem).toContain('--binlog-format=ROW --binlog-row-metadata=FULL');
  });

  it('that knows no names of columns is refused by name', () => {
    const old = new Map([...good].filter(([name]) => name !== 'binlog_row_metadata'));
    expect(whatToSet(old)).toContain('binlog_row_metadata is unknown, it must be FULL');
  });
});

describe('purge', () => {
  /** Answers the questions after sync's table, its checkpoint and the files of the log, and notes what is purged. */
  async function purged(
    hasTable: boolean,
    file: string | null,
    logs = ['binlog.000006', 'binlog.000007'],
  ): Promise<unknown[]> {
    const statements: unknown[] = [];
    const query = (sql: string, values?: unknown): Promise<[unknown[], unknown]> => {
      if (sql.startsWith('PURGE')) statements.push(sql, ...(values === undefined ? [] : [values]));
      if (sql === 'SHOW BINARY LOGS') {
        return Promise.resolve([logs.map((name) => ({ Log_name: name })), undefined]);
      }
      const rows = sql.includes('information_schema') ? (hasTable ? [{}] : []) : [{ file }];
      return Promise.resolve([rows, undefined]);
    };
    await purge({ query } as unknown as Connection);
    return statements;
  }

  it('keeps the log from the file on in which sync goes on', async () => {
    expect(await purged(true, 'binlog.000007')).toEqual([
      'PURGE BINARY LOGS TO ?',
      ['binlog.000007'],
    ]);
  });

  it('keeps all of it while sync has not begun to follow', async () => {
    expect(await purged(true, null)).toEqual([]);
  });

  it('keeps all of it when the file in which sync would go on is gone, and lets the database start', async () => {
    expect(await purged(true, 'binlog.000005')).toEqual([]);
  });

  it('keeps none of it when nobody has ever followed it', async () => {
    expect(await purged(false, null)).toEqual(['PURGE BINARY LOGS BEFORE NOW()']);
  });
});
