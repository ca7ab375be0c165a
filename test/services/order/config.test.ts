import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../services/order/config.ts';

const enough = {
  DATABASE_URL: 'mysql://shop:p%40ss@db.local:3307/',
  NAMESRV_ADDR: '127.0.0.1:9876',
  REDIS_URL: 'redis://127.0.0.1:6379',
};

describe('the order service’s settings', () => {
  it('need a database and a name server, and default to the rest', () => {
    const config = loadConfig(enough);
    expect(config.service).toMatchObject({
      port: 3001,
      namesrvAddr: '127.0.0.1:9876',
      database: {
        host: 'db.local',
        port: 3307,
        user: 'shop',
        password: 'p@ss',
        schema: 'millrace_order',
      },
    });
    expect(config).toMatchObject({
      payTimeoutMs: 1_800_000,
      closeGraceMs: 600_000,
      maxPlacing: 256,
      stock: { name: 'stock', url: 'http://127.0.0.1:3004', timeoutMs: 2_000 },
      coupon: { url: 'http://127.0.0.1:3002' },
      payment: { url: 'http://127.0.0.1:3005' },
    });
    expect(Object.isFrozen(config.service.database)).toBe(true);
  });

  it('take the other services where they are, with or without a slash at the end', () => {
    const { stock } = loadConfig({ ...enough, STOCK_URL: 'http://stock:8080/' });
    expect(stock.url).toBe('http://stock:8080');
  });

  it('accept port 0 and several name servers', () => {
    const { service } = loadConfig({ ...enough, PORT: '0', NAMESRV_ADDR: 'a:1;b:2' });
    expect(service).toMatchObject({ port: 0, namesrvAddr: 'a:1;b:2' });
  });

  it('name every problem at once', () => {
    const bad = {
      DATABASE_URL: 'mysql://root@127.0.0.1/shop',
      PORT: '70000',
      ORDER_PAY_TIMEOUT_MS: '30min',
      MAX_RECONSUME_TIMES: '-1',
      STOCK_URL: 'stock.local',
      PAYMENT_TIMEOUT_MS: '0',
    };
    expect(() => loadConfig(bad)).toThrow(
      expect.objectContaining({
        problems: [
          'PORT is "70000", it must be an integer from 0 to 65535',
          expect.stringMatching(/^DATABASE_URL names the schema "shop"/),
          'NAMESRV_ADDR is not set, it must be host:port, several separated by ;',
          'REDIS_URL is not set, it must be a URL starting with redis:// or rediss://',
          'MAX_RECONSUME_TIMES is "-1", it must be an integer from 0 to 1000',
          'ORDER_PAY_TIMEOUT_MS is "30min", it must be an integer from 100 to 259200000',
          'STOCK_URL is not a URL starting with http:// or https://',
          'PAYMENT_TIMEOUT_MS is "0", it must be an integer from 10 to 60000',
        ],
      }),
    );
  });

  it('refuse a schema name that could be more than a name', () => {
    expect(() => loadConfig({ ...enough, DATABASE_SCHEMA: 'a`; DROP TABLE orders' })).toThrow(
      'DATABASE_SCHEMA',
    );
  });

  it.each([
    [{ NAMESRV_ADDR: 'a:9876;b:0' }, 'NAMESRV_ADDR names port 0, it must be from 1 to 65535'],
    [{ NAMESRV_ADDR: 'a:99999' }, 'NAMESRV_ADDR names port 99999, it must be from 1 to 65535'],
    [
      { DATABASE_URL: 'mysql://root@db/?ssl=true' },
      'DATABASE_URL has a part after the schema (? or #), none is understood',
    ],
  ])('refuse %j rather than ignore what it asks for', (bad, problem) => {
    expect(() => loadConfig({ ...enough, ...bad })).toThrow(
      expect.objectContaining({ problems: [problem] }),
    );
  });

  it('leave listeners and requests each a third of the time to stop', () => {
    const { service } = loadConfig({ ...enough, STOP_TIMEOUT_MS: '9000' });
    expect(service).toMatchObject({ stopTimeoutMs: 9_000, stopGraceMs: 3_000 });
  });
});
