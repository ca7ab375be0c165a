#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { MqError } from '../errors.ts';
import { logLevels } from '../logger.ts';
import { addBrokerCommand } from './broker.ts';
import { addDevCommand } from './dev.ts';
import { addNameserverCommand } from './nameserver.ts';

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string };

const program = new Command('millrace')
  .description("A message broker that speaks Apache RocketMQ's wire protocol and on-disk format.")
  .version(version)
  .addOption(
    new Option('--log-level <level>', 'how much to log to stderr')
      .choices(logLevels)
      .default('info')
      .env('MILLRACE_LOG_LEVEL'),
  )
  .addOption(
    new Option(
      '--log-format <format>',
      'text for people; json: an object a line, for whatever reads logs',
    )
      .choices(['text', 'json'])
      .default('text')
      .env('MILLRACE_LOG_FORMAT'),
  )
  .showHelpAfterError('(millrace --help lists the commands and their flags)')
  .addHelpText(
    'after',
    `
Examples:
  millrace dev                                 try it: clients use namesrvAddr 127.0.0.1:9876
  millrace nameserver --listen-port 9876
  millrace broker --config broker.conf --namesrv-addr 127.0.0.1:9876
  millrace broker --help                       every setting, its default and its environment variable

Stop with Ctrl-C: held pulls are answered, offsets saved, the store closed cleanly.
After kill -9 the next start recovers the store by itself.`,
  );

addDevCommand(program, process.env);
addNameserverCommand(program, process.env);
addBrokerCommand(program, process.env);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof MqError)) throw error;
  // What an operator can mend is one sentence; a stack trace is for programming errors.
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  process.stderr.write(`millrace: ${error.message}${cause}\n`);
  process.exitCode = 1;
}
