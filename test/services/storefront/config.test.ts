import { describe, expect, it } from '@jest/globals';
import { ConfigError } from '../../../services/common/env.ts';
import { loadConfig } from '../../../services/storefront/config.ts';

const env = { NAMESRV_ADDR: 'mq:9876', CUSTOMER_TOKEN_SECRET: '0123456789abcdef' };

describe("the storefront's settings", () => {
  it('are the usual ports on this machine, and no stage', () => {
    const { service, peers, stageUrl } = loadConfig(env);
    expect(service.port).toBe(8080);
    expect(peers['third-party']).toMatchObject({ url: 'http://127.0.0.1:3009' });
    expect(stageUrl).toBeUndefined();
  });

  it('name each service by its own variable, and the stage', () => {
    const { peers, stageUrl } = loadConfig({
      ...env,
      THIRD_PARTY_URL: 'http://third-party:80/',
      STAGE_URL: 'http://127.0.0.1:7/secret/',
    });
    expect(peers['third-party'].url).toBe('http://third-party');
    expect(stageUrl).toBe('http://127.0.0.1:7/secret');
  });

  it('name further hosts, of which there are none by themselves', () => {
    expect(loadConfig(env).allowedHosts).toEqual([]);
    const named = loadConfig({ ...env, ALLOWED_HOSTS: 'Shop.example,[fe80::1]' });
    expect(named.allowedHosts).toEqual(['shop.example', '[fe80::1]']);
  });

  it('are refused together, each by its name', () => {
    const bad = {
      ORDER_URL: 'ftp://order',
      STAGE_URL: 'https://stage',
      PORT: 'x',
      ALLOWED_HOSTS: 'shop:80',
    };
    try {
      loadConfig(bad);
      throw new Error('it must be refused');
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const names = error.problems.map((problem) => problem.split(' ', 1)[0]);
      expect(new Set(names)).toEqual(
        new Set([
          'ALLOWED_HOSTS',
          'CUSTOMER_TOKEN_SECRET',
          'NAMESRV_ADDR',
          'ORDER_URL',
          'PORT',
          'STAGE_URL',
        ]),
      );
    }
  });
});
