/** What was found on this machine; see look-around.ts. */
export interface Surroundings {
  databaseUrl?: string;
  redisUrl?: string;
  /** The paths of the MariaDB server and of mariadb-install-db, when both are there. */
  mariadb?: { server: string; installer: string };
  redisServer?: string;
  docker: 'running' | 'not running' | 'absent';
  hasApt: boolean;
  /** How packages could be installed: as root, by sudo, or not at all. */
  privilege: 'root' | 'sudo' | 'none';
  isTerminal: boolean;
  platform: NodeJS.Platform;
}

export const images = { mariadb: 'mariadb:10.11', redis: 'redis:7' } as const;

/**
 * Debian's packages of the servers. mariadb-server-core is the server without a system service and without a system
 * user; mariadb-client-core has the my_print_defaults that mariadb-install-db needs.
 */
export const packages = {
  mariadb: ['mariadb-server-core', 'mariadb-client-core'],
  redis: ['redis-server'],
} as const;

export type Source =
  | { kind: 'url'; url: string; why: string }
  | { kind: 'path'; why: string }
  | { kind: 'docker'; image: string; why: string }
  | { kind: 'packages'; why: string };

export type Choice =
  | {
      kind: 'usable';
      mariadb: Source;
      redis: Source;
      /** Debian packages to install first; none when empty. */
      install: readonly string[];
      /** Whether a person is there to be asked before anything is installed. */
      mustAsk: boolean;
    }
  | { kind: 'impossible'; reason: string; lineToType: string };

/**
 * Decides where MariaDB and Redis come from: a URL that was given, else a server on PATH, else Docker, else Debian's
 * packages, else nothing can be done here. Each of the two is decided for itself; no I/O.
 */
export function chooseSources(found: Surroundings): Choice {
  const install: string[] = [];
  const choose = (
    which: 'mariadb' | 'redis',
    url: string | undefined,
    urlName: string,
    path: string | undefined,
  ): Source | undefined => {
    if (url !== undefined) return { kind: 'url', url, why: `given by ${urlName}` };
    if (path !== undefined) return { kind: 'path', why: `${path}, found on PATH` };
    if (found.docker === 'running') {
      const image = images[which];
      return { kind: 'docker', image, why: `image ${image}: no server on PATH, Docker is running` };
    }
    if (found.hasApt && found.privilege !== 'none') {
      install.push(...packages[which]);
      const reason = `no server on PATH, Docker ${isOrIsNot(found.docker)}`;
      return { kind: 'packages', why: `Debian package ${packages[which][0]}: ${reason}` };
    }
    return undefined;
  };
  const mariadb = choose('mariadb', found.databaseUrl, 'DATABASE_URL', found.mariadb?.server);
  const redis = choose('redis', found.redisUrl, 'REDIS_URL', found.redisServer);
  if (mariadb !== undefined && redis !== undefined) {
    const mustAsk = install.length > 0 && found.isTerminal;
    return { kind: 'usable', mariadb, redis, install, mustAsk };
  }
  const missing = [
    ...(mariadb === undefined ? ['MariaDB (mariadbd)'] : []),
    ...(redis === undefined ? ['Redis (redis-server)'] : []),
  ];
  return {
    kind: 'impossible',
    reason:
      `${missing.join(' and ')} not found on PATH, Docker ${isOrIsNot(found.docker)}, and ` +
      (found.hasApt
        ? 'packages can only be installed as root or with sudo.'
        : 'there is no apt-get.'),
    lineToType: lineToType(found, mariadb === undefined, redis === undefined),
  };
}

function isOrIsNot(docker: Surroundings['docker']): string {
  return docker === 'absent' ? 'is not installed' : `is ${docker}`;
}

function lineToType(found: Surroundings, needsMariadb: boolean, needsRedis: boolean): string {
  if (found.hasApt) {
    const names = [
      ...(needsMariadb ? packages.mariadb : []),
      ...(needsRedis ? packages.redis : []),
    ];
    return `su -c 'apt-get update && apt-get install -y --no-install-recommends ${names.join(' ')}'`;
  }
  if (found.platform === 'darwin') {
    return `brew install${needsMariadb ? ' mariadb' : ''}${needsRedis ? ' redis' : ''}`;
  }
  return 'DATABASE_URL=mysql://USER:PASSWORD@HOST:3306 REDIS_URL=redis://HOST:6379 npm run demo';
}
