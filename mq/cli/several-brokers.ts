import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { brokerOptions, loadBrokerConfig, type BrokerConfig } from '../broker/config.ts';
import { MqError } from '../errors.ts';
import { silentLogger, type Logger } from '../logger.ts';
import { settingsSources } from './settings.ts';

type Texts = Readonly<Record<string, string | undefined>>;

/** One letter each: broker-a to broker-z. */
const MOST_BROKERS = 26;
/** Apart enough for the ports that belong to one broker: listenPort − 2 (5.x clients take it for the fast one), listenPort, haListenPort. */
const PORT_STEP = 10;

/** Errors: CONFIG_INVALID. */
export function parseCount(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isInteger(count) && count >= 1 && count <= MOST_BROKERS) return count;
  throw new MqError(
    'CONFIG_INVALID',
    `--count is ${JSON.stringify(text)}, not an integer in 1..${MOST_BROKERS}`,
  );
}

/**
 * The settings of `count` brokers that share everything but their names, ports and stores: broker-a with the ports
 * given, broker-b with each ten higher, and so on, each in a directory of its name below storePathRootDir.
 *
 * Errors: CONFIG_INVALID naming all that is wrong; also for a directory that holds the store of one broker alone.
 */
export function severalBrokers(
  count: number,
  options: Texts,
  env: Texts,
  logger: Logger,
): BrokerConfig[] {
  const sources = settingsSources(brokerOptions, options, env);
  const first = loadBrokerConfig(sources, logger);
  const stem = first.brokerName.replace(/-a$/, '');
  if (first.storePathCommitLog !== '') {
    throw new MqError(
      'CONFIG_INVALID',
      `storePathCommitLog is ${first.storePathCommitLog}, and ${count} brokers cannot share it`,
    );
  }
  const brokers = Array.from({ length: count }, (_, index) => {
    const brokerName = `${stem}-${String.fromCodePoint('a'.codePointAt(0)! + index)}`;
    const port = (property: 'listenPort' | 'haListenPort' | 'metricsPromExporterPort'): string => {
      const number = first[property] === 0 ? 0 : first[property] + index * PORT_STEP;
      if (number <= 65_535) return String(number);
      throw new MqError(
        'CONFIG_INVALID',
        `${property} of ${brokerName} is ${number}, above 65535: the first of ${count} is ${first[property]}`,
      );
    };
    return loadBrokerConfig(
      {
        ...sources,
        flags: {
          ...sources.flags,
          brokerName,
          listenPort: port('listenPort'),
          haListenPort: port('haListenPort'),
          metricsPromExporterPort: port('metricsPromExporterPort'),
          storePathRootDir: join(first.storePathRootDir, brokerName),
        },
      },
      silentLogger,
    );
  });
  assertPortsApart(brokers);
  lookAround(first.storePathRootDir, brokers, logger);
  return brokers;
}

/** Warns of a broker alone that is started where several have their stores: it would have none of their messages. */
export function warnOfSeveral(config: BrokerConfig, logger: Logger): void {
  const { storePathRootDir } = config;
  if (existsSync(commitLogOf(storePathRootDir))) return;
  const names = storesIn(storePathRootDir);
  if (names.length === 0) return;
  logger.warn('the messages of several brokers lie here and are not served: start with --count', {
    storePathRootDir,
    brokers: names.join(', '),
  });
}

/** The settings as flags of a process of its own. */
export function flagsOf(config: BrokerConfig): string[] {
  return brokerOptions.map(
    ({ property, flag }) => `--${flag}=${config[property as keyof BrokerConfig]}`,
  );
}

function assertPortsApart(brokers: readonly BrokerConfig[]): void {
  const takenBy = new Map<number, string>();
  for (const broker of brokers) {
    const { brokerName, listenPort, haListenPort, metricsPromExporterPort } = broker;
    if (listenPort === 0) continue;
    const isWatched = broker.metricsExporterType === 'PROM';
    const ports = {
      'listenPort - 2': listenPort - 2,
      listenPort,
      haListenPort,
      ...(isWatched && { metricsPromExporterPort }),
    };
    for (const [property, port] of Object.entries(ports)) {
      const own = `${property} of ${brokerName}`;
      const other = takenBy.get(port);
      if (other !== undefined && port !== 0) {
        throw new MqError('CONFIG_INVALID', `port ${port} is both ${other} and ${own}`);
      }
      takenBy.set(port, own);
    }
  }
}

/** Errors: CONFIG_INVALID when messages would be left behind that nobody knows of. */
function lookAround(rootDir: string, brokers: readonly BrokerConfig[], logger: Logger): void {
  const commitLog = commitLogOf(rootDir);
  if (existsSync(commitLog)) {
    const own = join(rootDir, brokers[0]!.brokerName);
    throw new MqError(
      'CONFIG_INVALID',
      `storePathRootDir ${rootDir} holds the store of one broker (${commitLog}): move what is in it to ${own}, ` +
        'or give several brokers another directory',
    );
  }
  const started = new Set(brokers.map(({ brokerName }) => brokerName));
  const others = storesIn(rootDir).filter((name) => !started.has(name));
  if (others.length === 0) return;
  logger.warn('messages of brokers that are not started lie here and are not served', {
    storePathRootDir: rootDir,
    brokers: others.join(', '),
    started: [...started].join(', '),
  });
}

function storesIn(rootDir: string): string[] {
  if (!existsSync(rootDir)) return [];
  return readdirSync(rootDir)
    .filter((name) => existsSync(commitLogOf(join(rootDir, name))))
    .toSorted();
}

const commitLogOf = (rootDir: string): string => join(rootDir, 'commitlog');
