import type { Command } from 'commander';
import { loadDevConfig, devOptions } from '../dev-config.ts';
import { startDev } from '../server.ts';
import { loggerFor, metricsPlace, serve, type LogOptions } from './serve.ts';
import { addSettings, settingsSources } from './settings.ts';

export function addDevCommand(
  program: Command,
  env: Readonly<Record<string, string | undefined>>,
): void {
  const command = program
    .command('dev')
    .description(
      'run a name server and a broker in one process; topics are created when first used',
    );
  addSettings(command, devOptions).action(async (options: Record<string, string>) => {
    const logger = loggerFor(program.opts<LogOptions>(), 'dev');
    const config = loadDevConfig(settingsSources(devOptions, options, env), logger);
    await serve(
      () => startDev(config, { logger }),
      (dev) =>
        `millrace dev: name server ${dev.namesrvAddr}, broker ${dev.brokerAddr}` +
        `, store ${config.storePathRootDir}, ${config.flushDiskType}${metricsPlace(dev.broker)}`,
    );
  });
}
