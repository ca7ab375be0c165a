import { describe, expect, it } from '@jest/globals';
import { ConfigError } from '../../../../services/common/env.ts';
import { loadConfig } from '../../../../services/sync/config.ts';

const env = {
  DATABASE_URL: 'mysql://shop:p%40ss@db.example:3307',
  REDIS_URL: 'redis://127.0.0.1',
  NAMESRV_ADDR: '127.0.0.1:9876',
};

function problemsOf(change: Record<string, string>): readonly string[] {
  try {
    loadConfig({ ...env, ...change });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('the settings of the copy', () => {
  it('put it beside the service, in a schema of its own, and copy everything', () => {
    const { copy } = loadConfig(env);
    expect(copy.database).toEqual({
      host: 'db.example',
      port: 3307,
      user: 'shop',
      password: 'p@ss',
      schema: 'millrace_copy',
    });
    expect(copy.condition).toBeUndefined();
  });

  it('may put it elsewhere', () => {
    const { copy } = loadConfig({
      ...env,
      COPY_DATABASE_URL: 'mariadb://data@[::1]:3310',
      COPY_DATABASE_SCHEMA: 'copy_2',
    });
    expect(copy.database).toMatchObject({ host: '::1', port: 3310, schema: 'copy_2' });
  });

  it('are refused all at once, each with what it must be', () => {
    expect(
      problemsOf({
        COPY_DATABASE_URL: 'mysql://db.example/copy',
        COPY_DATABASE_SCHEMA: 'Copy!',
        SYNC_COPY_BATCH_COUNT: '2000',
        SYNC_COPY_SUSPEND_MS: '5',
        SYNC_COPY_CONDITION: 'größer',
      }),
    ).toEqual(
      expect.arrayContaining([
        expect.stringContaining('COPY_DATABASE_URL names the schema "copy"'),
        expect.stringContaining('COPY_DATABASE_SCHEMA is "Copy!"'),
        expect.stringContaining('SYNC_COPY_BATCH_COUNT is "2000", it must be an integer from 1'),
        expect.stringContaining('SYNC_COPY_SUSPEND_MS is "5", it must be an integer from 10'),
        expect.stringContaining('SYNC_COPY_CONDITION'),
      ]),
    );
  });
});
