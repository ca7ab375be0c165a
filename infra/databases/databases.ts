import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Say, StateSlot, Step } from '../command.ts';
import type { Session } from '../session.ts';
import { binlogProblem, purgePublished } from './binlog.ts';
import { chooseSources, type Source } from './choose-source.ts';
import type { DatabaseContext } from './database-context.ts';
import { installPackages } from './debian-packages.ts';
import { lookAround } from './look-around.ts';
import type { Machine } from './machine.ts';
import { startMariadb, startMariadbInDocker } from './mariadb.ts';
import { mariadbAnswers, redisAnswers } from './ready.ts';
import { startRedis, startRedisInDocker } from './redis.ts';

export interface Databases {
  databaseUrl: string;
  redisUrl: string;
}

/** Where the two come from, with what that needs installed. */
export interface Sources {
  mariadb: Source;
  redis: Source;
}

/** Finds out where MariaDB and Redis are to come from, and installs packages if that is the way, asking first. */
export async function prepareDatabases(
  machine: Machine,
  { slot, step }: Session,
): Promise<Sources> {
  const choice = chooseSources(await lookAround(machine));
  if (choice.kind === 'impossible') {
    throw new Error(
      `${choice.reason}\nType this, then run the same command again:\n\n  ${choice.lineToType}`,
    );
  }
  if (choice.install.length > 0) await install(machine, slot, choice.install, choice.mustAsk, step);
  return { mariadb: choice.mariadb, redis: choice.redis };
}

/** Starts private instances of what is not given, and returns when both answer. They stop with the session. */
export async function startDatabases(
  machine: Machine,
  { slot, processes, step }: Session,
  sources: Sources,
): Promise<Databases> {
  const context = (name: string): DatabaseContext => {
    const dir = join(slot.dir, name);
    mkdirSync(dir, { recursive: true });
    return { processes, dir };
  };
  const [databaseUrl, redisUrl] = await Promise.all([
    step('MariaDB', (say) => provide(mariadb, sources.mariadb, machine, context('mariadb'), say)),
    step('Redis', (say) => provide(redis, sources.redis, machine, context('redis'), say)),
  ]);
  return { databaseUrl, redisUrl };
}

async function install(
  machine: Machine,
  slot: StateSlot,
  names: readonly string[],
  mustAsk: boolean,
  step: Step,
): Promise<void> {
  const line = `${machine.isRoot ? '' : 'sudo '}apt-get install --no-install-recommends ${names.join(' ')}`;
  console.log(`  MariaDB or Redis is missing. To be run now: ${line}`);
  console.log('  (no system service is started; the servers run only while this command does)');
  if (mustAsk && !(await machine.ask('  Install?'))) {
    throw new Error(`Not installed. Type this, then run the same command again:\n\n  ${line}`);
  }
  await step('apt-get', async (say) => {
    say(names.join(' '));
    await installPackages(machine, names, join(slot.dir, 'logs', 'apt-get.log'));
  });
}

interface Database {
  urlName: string;
  answers: (url: string) => Promise<string | undefined>;
  start(machine: Machine, context: DatabaseContext, say: Say): Promise<string>;
  startInDocker(
    machine: Machine,
    context: DatabaseContext,
    image: string,
    say: Say,
  ): Promise<string>;
  /** What is to be done with one of ours that has just started. */
  tidy(url: string): Promise<void>;
}

const mariadb: Database = {
  urlName: 'DATABASE_URL',
  answers: async (url) => (await mariadbAnswers(url)) ?? (await binlogProblem(url)),
  start: startMariadb,
  startInDocker: startMariadbInDocker,
  tidy: purgePublished,
};

const redis: Database = {
  urlName: 'REDIS_URL',
  answers: redisAnswers,
  start: startRedis,
  startInDocker: startRedisInDocker,
  tidy: () => Promise.resolve(),
};

async function provide(
  database: Database,
  source: Source,
  machine: Machine,
  context: DatabaseContext,
  say: Say,
): Promise<string> {
  say(source.why);
  if (source.kind === 'url') {
    await mustAnswer(database.urlName, source.url, database.answers);
    return source.url;
  }
  const url =
    source.kind === 'docker'
      ? await database.startInDocker(machine, context, source.image, say)
      : await database.start(machine, context, say);
  await database.tidy(url);
  return url;
}

async function mustAnswer(
  name: string,
  url: string,
  answers: (url: string) => Promise<string | undefined>,
): Promise<void> {
  const problem = await answers(url);
  if (problem === undefined) return;
  // Never the whole of it: it may hold a password.
  const host = URL.canParse(url) ? ` (${new URL(url).host})` : '';
  throw new Error(`${name}${host} cannot be used: ${problem}`);
}
