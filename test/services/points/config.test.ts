import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../services/points/config.ts';

const enough = {
  DATABASE_URL: 'mysql://root@127.0.0.1:3306/',
  NAMESRV_ADDR: '127.0.0.1:9876',
  REDIS_URL: 'redis://127.0.0.1:6379',
};

describe('the points service’s settings', () => {
  it('default to a port and a schema of its own', () => {
    const { service } = loadConfig(enough);
    expect(service).toMatchObject({ port: 3006, database: { schema: 'millrace_points' } });
  });

  it('report everything that is wrong together', () => {
    const bad = { ...enough, NAMESRV_ADDR: '', PORT: '65536' };
    expect(() => loadConfig(bad)).toThrow(
      expect.objectContaining({
        problems: [
          'PORT is "65536", it must be an integer from 0 to 65535',
          'NAMESRV_ADDR is not set, it must be host:port, several separated by ;',
        ],
      }),
    );
  });
});
