import { spawn } from 'node:child_process';
import type { Command } from 'commander';
import { brokerOptions, loadBrokerConfig, type BrokerConfig } from '../broker/config.ts';
import { Broker } from '../broker/broker.ts';
import { systemClock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import {
  isReady,
  loggerFor,
  metricsPlace,
  onSignals,
  serve,
  SUPERVISED,
  type LogOptions,
} from './serve.ts';
import { addSettings, settingsSources } from './settings.ts';
import { flagsOf, parseCount, severalBrokers, warnOfSeveral } from './several-brokers.ts';
import { Supervisor, type Exit, type Running } from './supervisor.ts';

type Env = Readonly<Record<string, string | undefined>>;

export function addBrokerCommand(program: Command, env: Env): void {
  const command = program
    .command('broker')
    .description(
      'run a broker, or several; settings come from flags, environment, then the config file',
    )
    .option('-c, --config <file>', "RocketMQ's own broker.conf form: key=value lines")
    .option(
      '--count <n>',
      'so many brokers, each a process of its own: broker-a with the ports given, broker-b with each 10 higher, …; ' +
        'each with its store in a directory of its name below storePathRootDir',
      '1',
    );
  addSettings(command, brokerOptions).action(async (options: Record<string, string>) => {
    const log = program.opts<LogOptions>();
    const count = parseCount(options['count'] ?? '1');
    if (count > 1) {
      const logger = loggerFor(log, 'broker');
      const brokers = severalBrokers(count, options, env, logger);
      process.exitCode = await supervise(brokers, { env, log, logger });
      return;
    }
    const isSupervised = env[SUPERVISED] === '1';
    const logger = loggerFor(log, 'broker', isSupervised ? options['brokerName'] : undefined);
    const config = loadBrokerConfig(settingsSources(brokerOptions, options, env), logger);
    warnOfSeveral(config, logger);
    await serve(
      () => Broker.start(config, { logger }),
      (broker) =>
        `millrace broker ${config.brokerName} on ${broker.address}` +
        `, name servers ${config.namesrvAddr === '' ? 'none' : config.namesrvAddr}` +
        `, store ${config.storePathRootDir}, ${config.flushDiskType}${metricsPlace(broker)}`,
      { isSupervised },
    );
  });
}

/** Runs each broker in a process of its own until a signal comes. Returns the exit code. */
async function supervise(
  brokers: readonly BrokerConfig[],
  { env, log, logger }: { env: Env; log: LogOptions; logger: Logger },
): Promise<number> {
  const configs = new Map(brokers.map((config) => [config.brokerName, config]));
  const supervisor = new Supervisor({
    names: [...configs.keys()],
    launch: (name) => launch(configs.get(name)!, log, env),
    clock: systemClock,
    logger,
  });
  onSignals(
    () => supervisor.stop(),
    () => supervisor.kill(),
  );
  if (await supervisor.start()) {
    const names = [...configs.keys()].join(', ');
    const ms = Math.round(performance.now());
    process.stdout.write(`millrace: ${brokers.length} brokers, ${names}, ready in ${ms} ms\n`);
  }
  return supervisor.ended;
}

function launch(config: BrokerConfig, log: LogOptions, env: Env): Running {
  const script = process.argv[1]!;
  const { logLevel, logFormat } = log;
  const own = ['--log-level', logLevel, '--log-format', logFormat];
  const flags = [...own, 'broker', ...flagsOf(config)];
  const child = spawn(process.execPath, [...process.execArgv, script, ...flags], {
    env: { ...env, [SUPERVISED]: '1' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  return {
    pid: child.pid,
    ready: new Promise((resolve) => {
      child.on('message', (message) => {
        if (isReady(message)) resolve();
      });
    }),
    exit: new Promise<Exit>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
      // It could not be started at all, or a signal could not be sent to what has ended.
      child.once('error', () => {
        if (child.pid === undefined) resolve({ code: 1, signal: null });
      });
    }),
    kill: (signal) => void child.kill(signal),
  };
}
