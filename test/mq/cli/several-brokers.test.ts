import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { brokerOptions, loadBrokerConfig } from '../../../mq/broker/config.ts';
import {
  flagsOf,
  parseCount,
  severalBrokers,
  warnOfSeveral,
} from '../../../mq/cli/several-brokers.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

let rootDir: string;
let logger: RecordingLogger;

beforeEach(async () => {
  rootDir = await mkdtemp(join(tmpdir(), 'millrace-several-'));
  logger = new RecordingLogger();
});
afterEach(() => rm(rootDir, { recursive: true, force: true }));

const several = (count: number, options: Record<string, string> = {}) =>
  severalBrokers(count, { storePathRootDir: rootDir, ...options }, {}, logger);

const hasStore = (...names: string[]): void => {
  for (const name of names) mkdirSync(join(rootDir, name, 'commitlog'), { recursive: true });
};

describe('several brokers of one command', () => {
  it('differ in names, ports and stores only', () => {
    const shown = several(3, { namesrvAddr: 'h:9876' }).map((broker) => [
      broker.brokerName,
      broker.listenPort,
      broker.haListenPort,
      broker.storePathRootDir,
      broker.namesrvAddr,
    ]);
    expect(shown).toEqual([
      ['broker-a', 10911, 10912, join(rootDir, 'broker-a'), 'h:9876'],
      ['broker-b', 10921, 10922, join(rootDir, 'broker-b'), 'h:9876'],
      ['broker-c', 10931, 10932, join(rootDir, 'broker-c'), 'h:9876'],
    ]);
    expect(logger.entries).toEqual([]);
  });

  it('take their names from the one given, and free ports when that is asked for', () => {
    const names = (brokerName: string): string[] =>
      several(2, { brokerName, listenPort: '0' }).map((broker) => broker.brokerName);
    expect(names('orders')).toEqual(['orders-a', 'orders-b']);
    expect(names('orders-a')).toEqual(['orders-a', 'orders-b']);
    expect(several(2, { listenPort: '0' }).map(({ listenPort }) => listenPort)).toEqual([0, 0]);
  });

  it.each([
    [
      { haListenPort: '10921' },
      'port 10921 is both haListenPort of broker-a and listenPort of broker-b',
    ],
    [
      { haListenPort: '10911' },
      'port 10911 is both listenPort of broker-a and haListenPort of broker-a',
    ],
    [
      { haListenPort: '10919' },
      'port 10919 is both haListenPort of broker-a and listenPort - 2 of broker-b',
    ],
    [{ listenPort: '65530' }, 'listenPort of broker-b is 65540, above 65535'],
    [{ storePathCommitLog: '/x' }, 'storePathCommitLog'],
    [{ flushDiskType: 'NEVER' }, '--flush-disk-type is "NEVER"'],
  ])('are not started with %j', (options, problem) => {
    expect(() => several(2, options)).toThrow(problem);
  });

  it.each(['0', '27', '2.5', 'two', '-1', ''])('cannot be %j', (text) => {
    expect(() => parseCount(text)).toThrow(`--count is "${text}", not an integer in 1..26`);
  });

  it('are not started over the store of one, whose messages nobody would serve', () => {
    mkdirSync(join(rootDir, 'commitlog'));
    expect(() => several(2)).toThrow(
      `holds the store of one broker (${join(rootDir, 'commitlog')}): move what is in it to ${join(rootDir, 'broker-a')}`,
    );
  });

  it('say whose messages are left alone', () => {
    hasStore('broker-a', 'broker-c', 'other');
    several(2);
    expect(logger.entries.map(({ fields }) => fields)).toEqual([
      { storePathRootDir: rootDir, brokers: 'broker-c, other', started: 'broker-a, broker-b' },
    ]);
  });

  it('are missed where one is started alone', () => {
    const alone = loadBrokerConfig({ flags: { storePathRootDir: rootDir } }, logger);
    warnOfSeveral(alone, logger);
    warnOfSeveral({ ...alone, storePathRootDir: join(rootDir, 'new') }, logger);
    expect(logger.entries).toEqual([]);
    hasStore('broker-a', 'broker-b');
    warnOfSeveral(alone, logger);
    expect(logger.messages('warn')).toEqual([
      'the messages of several brokers lie here and are not served: start with --count',
    ]);
  });

  it('are told all their settings by flags', () => {
    const [, second] = several(2, { flushDiskType: 'ASYNC_FLUSH', maxMessageSize: '1024' });
    const flags = Object.fromEntries(
      flagsOf(second!).map((flag) => {
        const [, name, value] = /^--([^=]+)=(.*)$/.exec(flag)!;
        return [brokerOptions.find((option) => option.flag === name)!.property, value];
      }),
    );
    expect(loadBrokerConfig({ flags }, logger)).toEqual(second);
  });
});
