import { expect, it } from '@jest/globals';
import { ConfigError } from '../../../services/common/env.ts';
import { loadConfig } from '../../../services/sync/config.ts';

const env = {
  DATABASE_URL: 'mysql://root:p%40ss@db:3307',
  REDIS_URL: 'redis://redis:6379',
  NAMESRV_ADDR: 'ns:9876',
};

function problemsOf(changed: Record<string, string>): readonly string[] {
  try {
    loadConfig({ ...env, ...changed });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

it('follows the order schema of its own server unless told otherwise', () => {
  const { service, follower } = loadConfig(env);
  expect([service.port, service.database.schema]).toEqual([3011, 'millrace_sync']);
  expect(follower.source).toEqual({
    host: 'db',
    port: 3307,
    user: 'root',
    password: 'p@ss',
    schema: 'millrace_order',
  });
  expect([...follower.tables.values()]).toEqual([
    { name: 'orders', keyColumn: 'order_no' },
    { name: 'order_items', keyColumn: 'order_no' },
    { name: 'order_refunds', keyColumn: 'order_no' },
    { name: 'order_refund_items', keyColumn: 'refund_no', via: 'order_refunds' },
  ]);
});

it('has a number among replicas that another copy of the service does not have', () => {
  const numberOf = (schema: string): number =>
    loadConfig({ ...env, DATABASE_SCHEMA: schema }).follower.serverId;
  expect(numberOf('millrace_sync')).not.toBe(numberOf('millrace_sync_2'));
  expect(numberOf('millrace_sync')).toBeGreaterThan(0x3fff_ffff);
});

it('reads another source', () => {
  const { follower } = loadConfig({
    ...env,
    SYNC_SOURCE_URL: 'mariadb://reader:x@[::1]',
    SYNC_SOURCE_SCHEMA: 'orders_eu',
  });
  expect(follower.source).toEqual({
    host: '::1',
    port: 3306,
    user: 'reader',
    password: 'x',
    schema: 'orders_eu',
  });
});

it('tells all that is wrong at once', () => {
  expect(
    problemsOf({
      SYNC_SOURCE_URL: 'mysql://db/millrace_order?ssl=1',
      SYNC_TABLES: 'orders:order_no,orders:order_no,order_refund_items:order_refunds.refund_no',
      SYNC_BATCH_COUNT: '0',
      SYNC_MIN_BACKOFF_MS: '500',
      SYNC_MAX_BACKOFF_MS: '100',
    }),
  ).toEqual([
    'SYNC_TABLES: table orders is named twice',
    'SYNC_TABLES: order_refund_items leads to order_refunds, which is not followed',
    'SYNC_SOURCE_URL names the schema "millrace_order", it must end after the port: the schema is SYNC_SOURCE_SCHEMA',
    'SYNC_SOURCE_URL has a part after the schema (? or #), none is understood',
    'SYNC_BATCH_COUNT is "0", it must be an integer from 1 to 1024',
    'SYNC_MIN_BACKOFF_MS is 500, it must not exceed SYNC_MAX_BACKOFF_MS (100)',
  ]);
});

it('refuses a table list that leads in two steps, or is none', () => {
  expect(problemsOf({ SYNC_TABLES: 'a:n,b:a.x,c:b.y' })).toEqual([
    'SYNC_TABLES: c leads to b, which leads on',
  ]);
  expect(problemsOf({ SYNC_TABLES: 'orders' })[0]).toMatch(
    /^SYNC_TABLES is "orders", it must be table:column/,
  );
});
