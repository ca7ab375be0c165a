import { describe, expect, it } from '@jest/globals';
import { loadNameServerConfig, nameServerConfig } from '../../../mq/namesrv/config.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

describe('the configuration of a name server', () => {
  it('has the numbers of the original by default, and is frozen', () => {
    const config = nameServerConfig();
    expect(config).toMatchObject({
      bindAddress: '127.0.0.1',
      listenPort: 9876,
      scanNotActiveBrokerInterval: 10_000,
      brokerExpiryMs: 120_000,
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('reports everything that is wrong together', () => {
    const flags = {
      bindAddress: '0.0.0.0',
      listenPort: '99999',
      orderMessageEnable: 'maybe',
      brokerExpiryMs: '5',
    };
    expect(() => loadNameServerConfig({ flags }, new RecordingLogger())).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(
          /4 problems: .*99999.*; .*maybe.*; bindAddress: .*allowNonLoopback=true.*; brokerExpiryMs is 5, less than scanNotActiveBrokerInterval 10000/,
        ),
      }),
    );
  });

  it('listens elsewhere than on loopback only when told so by name', () => {
    const config = nameServerConfig({ bindAddress: '0.0.0.0', allowNonLoopback: true });
    expect(config.bindAddress).toBe('0.0.0.0');
  });

  it('names the keys of the file that have no effect, once, and goes on', () => {
    const logger = new RecordingLogger();
    const file = 'listenPort=9999\nrocketmqHome=/opt\nclusterTest=false\n';
    expect(loadNameServerConfig({ file }, logger).listenPort).toBe(9999);
    expect(logger.messages('warn')).toEqual([
      'name server configuration keys without effect here: rocketmqHome, clusterTest',
    ]);
  });

  it('refuses settings it does not have', () => {
    const overrides = { port: 9876 } as Record<string, unknown>;
    expect(() => nameServerConfig(overrides)).toThrow(/port is not a setting of the name server/);
  });
});
