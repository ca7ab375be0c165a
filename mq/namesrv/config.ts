import { defineSettings, flag, integer, text, type ConfigOf } from '../config-options.ts';
import { endpointOptions, endpointProblem } from '../metrics/endpoint-settings.ts';
import { bindAddressProblem } from '../remoting/bind-address.ts';

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
  // Of brokers: name servers of RocketMQ expose nothing. Not the brokers' default port, so that both run on one machine.
  ...endpointOptions(5556),
};

export type NameServerConfig = ConfigOf<typeof options>;

export const {
  descriptions: nameServerOptions,
  load: loadNameServerConfig,
  from: nameServerConfig,
} = defineSettings('name server', options, relationProblems);

function relationProblems(config: NameServerConfig): string[] {
  const problems: string[] = [];
  const addressProblem = bindAddressProblem(config);
  if (addressProblem !== undefined) problems.push(addressProblem);
  const metricsProblem = endpointProblem(config);
  if (metricsProblem !== undefined) problems.push(metricsProblem);
  if (config.brokerExpiryMs < config.scanNotActiveBrokerInterval) {
    problems.push(
      `brokerExpiryMs is ${config.brokerExpiryMs}, less than scanNotActiveBrokerInterval ` +
        `${config.scanNotActiveBrokerInterval}, so no expiry would be noticed in time`,
    );
  }
  return problems;
}
