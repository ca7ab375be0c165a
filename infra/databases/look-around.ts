import type { Surroundings } from './choose-source.ts';
import type { Machine } from './machine.ts';

/** `docker info` waits for a minute when the engine's socket is there and nobody serves it. */
const dockerTimeoutMs = 10_000;

/** Finds out what there is to run MariaDB and Redis with. Asks for Docker and sudo only when it depends on them. */
export async function lookAround(machine: Machine): Promise<Surroundings> {
  const databaseUrl = machine.env['DATABASE_URL'] || undefined;
  const redisUrl = machine.env['REDIS_URL'] || undefined;
  const [mariadb, redisServer] = await Promise.all([
    databaseUrl === undefined ? findMariadb(machine) : undefined,
    redisUrl === undefined ? machine.which('redis-server') : undefined,
  ]);
  const isComplete =
    (databaseUrl ?? mariadb) !== undefined && (redisUrl ?? redisServer) !== undefined;
  const docker = isComplete ? 'absent' : await findDocker(machine);
  const hasApt = !isComplete && (await machine.which('apt-get')) !== undefined;
  return {
    ...(databaseUrl !== undefined && { databaseUrl }),
    ...(redisUrl !== undefined && { redisUrl }),
    ...(mariadb !== undefined && { mariadb }),
    ...(redisServer !== undefined && { redisServer }),
    docker,
    hasApt,
    privilege: hasApt && docker !== 'running' ? await findPrivilege(machine) : 'none',
    isTerminal: machine.isTerminal,
    platform: machine.platform,
  };
}

export async function findMariadb(machine: Machine): Promise<Surroundings['mariadb']> {
  const installer =
    (await machine.which('mariadb-install-db')) ?? (await machine.which('mysql_install_db'));
  if (installer === undefined) return undefined;
  for (const name of ['mariadbd', 'mysqld']) {
    const server = await machine.which(name);
    if (server === undefined) continue;
    // Oracle's MySQL is called mysqld too, and differs in what we use: the services are tested with MariaDB.
    const version = await machine.run(server, ['--no-defaults', '--version']);
    if (version.output.includes('MariaDB')) return { server, installer };
  }
  return undefined;
}

async function findDocker(machine: Machine): Promise<Surroundings['docker']> {
  if ((await machine.which('docker')) === undefined) return 'absent';
  const info = await machine.run('docker', ['info'], { timeoutMs: dockerTimeoutMs });
  return info.code === 0 ? 'running' : 'not running';
}

async function findPrivilege(machine: Machine): Promise<Surroundings['privilege']> {
  if (machine.isRoot) return 'root';
  if ((await machine.which('sudo')) === undefined) return 'none';
  if (machine.isTerminal) return 'sudo';
  // Nobody is there to type a password.
  return (await machine.run('sudo', ['--non-interactive', 'true'])).code === 0 ? 'sudo' : 'none';
}
