import type { Command } from 'commander';
import { loadNameServerConfig, nameServerOptions } from '../namesrv/config.ts';
import { NameServer } from '../namesrv/name-server.ts';
import { loggerFor, metricsPlace, serve, type LogOptions } from './serve.ts';
import { addSettings, settingsSources } from './settings.ts';

export function addNameserverCommand(
  program: Command,
  env: Readonly<Record<string, string | undefined>>,
): void {
  const command = program
    .command('nameserver')
    .description('run a name server; several of them share nothing and need not know one another')
    .option('-c, --config <file>', "RocketMQ's own namesrv.conf form: key=value lines");
  addSettings(command, nameServerOptions).action(async (options: Record<string, string>) => {
    const logger = loggerFor(program.opts<LogOptions>(), 'nameserver');
    const sources = settingsSources(nameServerOptions, options, env);
    const config = loadNameServerConfig(sources, logger);
    await serve(
      () => NameServer.start(config, { logger }),
      (nameServer) => `millrace name server on ${nameServer.address}${metricsPlace(nameServer)}`,
    );
  });
}
