import type { Command } from 'commander';
import { brokerOptions, loadBrokerConfig } from '../broker/config.ts';
import { Broker } from '../broker/broker.ts';
import { loggerFor, serve } from './serve.ts';
import { addSettings, settingsSources } from './settings.ts';

export function addBrokerCommand(
  program: Command,
  env: Readonly<Record<string, string | undefined>>,
): void {
  const command = program
    .command('broker')
    .description('run one broker; settings come from flags, environment, then the config file')
    .option('-c, --config <file>', "RocketMQ's own broker.conf form: key=value lines");
  addSettings(command, brokerOptions).action(async (options: Record<string, string>) => {
    const logger = loggerFor(program.opts<{ logLevel: string }>().logLevel);
    const config = loadBrokerConfig(settingsSources(brokerOptions, options, env), logger);
    await serve(
      () => Broker.start(config, { logger }),
      (broker) =>
        `millrace broker ${config.brokerName} on ${broker.address}` +
        `, name servers ${config.namesrvAddr === '' ? 'none' : config.namesrvAddr}` +
        `, store ${config.storePathRootDir}, ${config.flushDiskType}`,
    );
  });
}
