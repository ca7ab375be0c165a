import { isIP } from 'node:net';
import {
  assertNoProblems,
  describeOptions,
  flag,
  integer,
  readOptions,
  text,
  type ConfigOf,
  type OptionDescription,
  type OptionSources,
} from '../config-options.ts';
import type { Logger } from '../logger.ts';
import { bindProblem } from '../remoting/bind-address.ts';

const milliseconds = { min: 1, max: 2 ** 31 - 1 };

/** Every setting of a name server, declared once. Names are RocketMQ's own, except where `help` says otherwise. */
const options = {
  bindAddress: text('127.0.0.1', 'Address to listen on.'),
  allowNonLoopback: flag(
    false,
    'Listen on an address other machines can reach although nobody has to authenticate. Not a RocketMQ property.',
  ),
  listenPort: integer(9876, { min: 0, max: 65_535 }, 'Port to listen on; 0 takes a free one.'),
  kvConfigPath: text(
    '.millrace/namesrv/kvConfig.json',
    'File of the key-value table, the only state that survives a restart; empty: keep it in memory.',
  ),
  orderMessageEnable: flag(
    false,
    'Send the KV table ORDER_TOPIC_CONFIG along with the routes of the topics it names.',
  ),
  scanNotActiveBrokerInterval: integer(
    10_000,
    milliseconds,
    'Look for brokers that stopped registering this often, in ms.',
  ),
  brokerExpiryMs: integer(
    120_000,
    milliseconds,
    'Forget a broker that did not register for this long, in ms, unless it asked for another time. Not a RocketMQ property.',
  ),
  serverChannelMaxIdleTimeSeconds: integer(
    120,
    { min: 1, max: 86_400 },
    'Close connections silent for this long.',
  ),
};

export type NameServerConfig = ConfigOf<typeof options>;

/** Property, flag, environment variable, default and help of every setting, for `--help` and the handbook. */
export const nameServerOptions: readonly OptionDescription[] = describeOptions(options);

/**
 * Reads the settings of a name server process from its config file, environment and flags.
 *
 * Errors: CONFIG_INVALID naming every bad value and relation at once. Keys of the file that mean nothing here are
 *         named in one warning and do not stop the start.
 */
export function loadNameServerConfig(sources: OptionSources, logger: Logger): NameServerConfig {
  const { values, unknownKeys, problems } = readOptions(options, sources);
  if (unknownKeys.length > 0) {
    logger.warn(`name server configuration keys without effect here: ${unknownKeys.join(', ')}`);
  }
  assertNoProblems('name server', [...problems, ...relationProblems(values)]);
  return Object.freeze(values);
}

/** The settings of a name server started from code. Errors: CONFIG_INVALID, as {@link loadNameServerConfig}. */
export function nameServerConfig(overrides: Partial<NameServerConfig> = {}): NameServerConfig {
  const unknown = Object.keys(overrides).filter((property) => !Object.hasOwn(options, property));
  const flags: Record<string, string | undefined> = {};
  for (const [property, value] of Object.entries(overrides)) {
    if (value !== undefined) flags[property] = String(value);
  }
  const { values, problems } = readOptions(options, { flags });
  assertNoProblems('name server', [
    ...unknown.map((property) => `${property} is not a setting of the name server`),
    ...problems,
    ...relationProblems(values),
  ]);
  return Object.freeze(values);
}

function relationProblems(config: NameServerConfig): string[] {
  const problems: string[] = [];
  if (config.bindAddress !== 'localhost' && isIP(config.bindAddress) === 0) {
    problems.push(`bindAddress is ${JSON.stringify(config.bindAddress)}, not an IP address`);
  } else {
    const problem = bindProblem(config.bindAddress, config.allowNonLoopback);
    if (problem !== undefined) problems.push(`bindAddress: ${problem}`);
  }
  if (config.brokerExpiryMs < config.scanNotActiveBrokerInterval) {
    problems.push(
      `brokerExpiryMs is ${config.brokerExpiryMs}, less than scanNotActiveBrokerInterval ` +
        `${config.scanNotActiveBrokerInterval}, so no expiry would be noticed in time`,
    );
  }
  return problems;
}
