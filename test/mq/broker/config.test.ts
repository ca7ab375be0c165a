import { describe, expect, it } from '@jest/globals';
import {
  brokerConfig,
  brokerOptions,
  loadBrokerConfig,
  namesrvAddresses,
} from '../../../mq/broker/config.ts';
import { MqError } from '../../../mq/errors.ts';
import { silentLogger, type Logger } from '../../../mq/logger.ts';

const officialConf = `
# Licensed to the Apache Software Foundation (ASF) under one or more
brokerClusterName = DefaultCluster
brokerName=broker-b
brokerId = 0
deleteWhen = 04
fileReservedTime = 48
diskFallRecorded = true
brokerRole = ASYNC_MASTER
flushDiskType = ASYNC_FLUSH
namesrvAddr=192.168.0.1:9876;192.168.0.2:9876
listenPort: 11911
`;

function warningsInto(warnings: string[]): Logger {
  return { ...silentLogger, warn: (message) => void warnings.push(message) };
}

function problemOf(load: () => unknown): MqError {
  try {
    load();
  } catch (error) {
    if (MqError.is(error)) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('broker configuration', () => {
  it('reads a conf file written for RocketMQ and names the keys it does not act on in one warning', () => {
    const warnings: string[] = [];
    const config = loadBrokerConfig({ file: officialConf }, warningsInto(warnings));
    expect(config.brokerName).toBe('broker-b');
    expect(config.flushDiskType).toBe('ASYNC_FLUSH');
    expect(config.listenPort).toBe(11911);
    expect(namesrvAddresses(config.namesrvAddr)).toEqual(['192.168.0.1:9876', '192.168.0.2:9876']);
    expect(namesrvAddresses('h:1, h:2;h:1,')).toEqual(['h:1', 'h:2']);
    expect([config.deleteWhen, config.fileReservedTime]).toEqual(['04', 48]);
    expect(warnings).toEqual(['broker configuration keys without effect here: diskFallRecorded']);
  });

  it('takes the storePathCommitLog of RocketMQ conf files where it says what holds anyway', () => {
    const file = 'storePathRootDir=/data/store\nstorePathCommitLog=/data/store/commitlog/';
    const warnings: string[] = [];
    expect(loadBrokerConfig({ file }, warningsInto(warnings)).storePathRootDir).toBe('/data/store');
    expect(warnings).toEqual([]);
  });

  it('refuses to start with a CommitLog elsewhere rather than open an empty one', () => {
    const file = 'storePathRootDir=/data/store\nstorePathCommitLog=/fast/commitlog';
    const problem = problemOf(() => loadBrokerConfig({ file }, silentLogger));
    expect(problem.code).toBe('CONFIG_INVALID');
    expect(problem.message).toContain(
      'storePathCommitLog is /fast/commitlog, only /data/store/commitlog is supported',
    );
  });

  it('lets flags win over the environment and the environment over the file', () => {
    const file = 'brokerName=from-file\nlistenPort=1\nbrokerId=7';
    const env = { MILLRACE_BROKER_NAME: 'from-env', MILLRACE_LISTEN_PORT: '2' };
    const config = loadBrokerConfig(
      { file, env, flags: { brokerName: 'from-flag' } },
      silentLogger,
    );
    expect([config.brokerName, config.listenPort, config.brokerId]).toEqual(['from-flag', 2, 7]);
  });

  it('takes the name servers from NAMESRV_ADDR, as RocketMQ does', () => {
    const config = loadBrokerConfig({ env: { NAMESRV_ADDR: 'localhost:9876' } }, silentLogger);
    expect(config.namesrvAddr).toBe('localhost:9876');
  });

  it.each([
    ['deleteWhen', '04;24', 'deleteWhen is "04;24", of which "24" is no hour in 0..23'],
    ['deleteWhen', '', 'deleteWhen is "", of which "" is no hour in 0..23'],
    ['fileReservedTime', '-1', 'fileReservedTime is "-1", outside 0..876000'],
    ['diskMaxUsedSpaceRatio', '101', 'diskMaxUsedSpaceRatio is "101", outside 1..100'],
    ['diskSpaceCleanForciblyRatio', '0', 'diskSpaceCleanForciblyRatio is "0", outside 1..100'],
    ['cleanFileForciblyEnable', '1', 'cleanFileForciblyEnable is "1", neither true nor false'],
  ])('refuses to remove messages by a %s of %j', (name, value, problem) => {
    const load = (): unknown => loadBrokerConfig({ file: `${name}=${value}` }, silentLogger);
    expect(problemOf(load).message).toContain(problem);
  });

  it('reports everything that is wrong together', () => {
    const { code, message } = problemOf(() =>
      loadBrokerConfig(
        {
          file: 'listenPort=99999\nflushDiskType=SOMETIMES\nautoCreateTopicEnable=yes\nbrokerId=x',
          env: { NAMESRV_ADDR: 'nowhere' },
          flags: { bindAddress: '0.0.0.0' },
        },
        silentLogger,
      ),
    );
    expect(code).toBe('CONFIG_INVALID');
    expect(message).toContain('6 problems');
    expect(message).toContain('listenPort is "99999", outside 0..65535');
    expect(message).toContain('flushDiskType is "SOMETIMES", not one of SYNC_FLUSH, ASYNC_FLUSH');
    expect(message).toContain('autoCreateTopicEnable is "yes", neither true nor false');
    expect(message).toContain('brokerId is "x", not an integer');
    expect(message).toContain('namesrvAddr has "nowhere", not host:port');
    expect(message).toContain('allowNonLoopback=true');
  });

  it('refuses an address others can reach unless the risk is accepted by name', () => {
    const { code, message } = problemOf(() => brokerConfig({ bindAddress: '192.168.1.5' }));
    expect(code).toBe('CONFIG_INVALID');
    expect(message).toContain('192.168.1.5');
    expect(message).toContain('allowNonLoopback=true');
    const accepted = brokerConfig({ bindAddress: '192.168.1.5', allowNonLoopback: true });
    expect(accepted.bindAddress).toBe('192.168.1.5');
  });

  it('refuses a segment that cannot hold the largest message, naming both sizes', () => {
    const { message } = problemOf(() => brokerConfig({ mappedFileSizeCommitLog: 1024 * 1024 }));
    expect(message).toContain('mappedFileSizeCommitLog is 1048576');
    expect(message).toContain('maxMessageSize 4194304');
  });

  it.each(['1s 2x', '', 'soon', '5'])('refuses the delay levels %j', (messageDelayLevel) => {
    expect(problemOf(() => brokerConfig({ messageDelayLevel })).message).toContain(
      'messageDelayLevel',
    );
  });

  it.each(['aclEnable=true', 'brokerRole=SLAVE', 'enableControllerMode=true'])(
    'does not ignore %s, which asks for what it cannot do',
    (file) => {
      const { message } = problemOf(() => loadBrokerConfig({ file }, silentLogger));
      expect(message).toContain(file.split('=')[0]);
      expect(message).toContain('is supported');
    },
  );

  it('names a setting given by a program as the program does', () => {
    expect(problemOf(() => brokerConfig({ listenPort: -1 })).message).toContain(
      'listenPort is "-1", outside 0..65535',
    );
  });

  it('acknowledges after fsync and creates no topics unless told otherwise', () => {
    const config = brokerConfig();
    expect(config.flushDiskType).toBe('SYNC_FLUSH');
    expect(config.autoCreateTopicEnable).toBe(false);
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('gives every setting a flag, an environment variable and a help text of its own', () => {
    const described = brokerOptions.find((option) => option.property === 'brokerIP1');
    expect(described).toMatchObject({ flag: 'broker-ip1', env: 'MILLRACE_BROKER_IP1' });
    expect(new Set(brokerOptions.map((option) => option.flag)).size).toBe(brokerOptions.length);
    expect(new Set(brokerOptions.map((option) => option.env)).size).toBe(brokerOptions.length);
    for (const option of brokerOptions) expect(option.help).toMatch(/\.$/);
  });
});
