import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../services/warehouse/config.ts';

const enough = {
  DATABASE_URL: 'mysql://root@127.0.0.1:3306/',
  NAMESRV_ADDR: '127.0.0.1:9876',
  REDIS_URL: 'redis://127.0.0.1:6379',
};

describe('the warehouse service’s settings', () => {
  it('default to a port and a schema of its own, the carrier next door and two seconds to pack', () => {
    const { service, thirdParty, packingMs } = loadConfig(enough);
    expect(service).toMatchObject({ port: 3007, database: { schema: 'millrace_warehouse' } });
    expect(thirdParty).toEqual({
      name: 'third-party',
      url: 'http://127.0.0.1:3009',
      timeoutMs: 2_000,
    });
    expect(packingMs).toBe(2_000);
  });

  it.each(['0', '86400000'])('let packing take %s ms', (text) => {
    expect(loadConfig({ ...enough, PACKING_MS: text }).packingMs).toBe(Number(text));
  });

  it('report a wrong carrier and wrong times together', () => {
    const bad = {
      ...enough,
      THIRD_PARTY_URL: 'carrier:3009',
      THIRD_PARTY_TIMEOUT_MS: '9',
      PACKING_MS: '86400001',
    };
    expect(() => loadConfig(bad)).toThrow(
      expect.objectContaining({
        problems: [
          'THIRD_PARTY_URL is not a URL starting with http:// or https://',
          'THIRD_PARTY_TIMEOUT_MS is "9", it must be an integer from 10 to 60000',
          'PACKING_MS is "86400001", it must be an integer from 0 to 86400000',
        ],
      }),
    );
  });
});
