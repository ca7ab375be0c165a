import { describe, expect, it } from '@jest/globals';
import { chooseSources, type Surroundings } from '../../../infra/databases/choose-source.ts';

const bareDebian: Surroundings = {
  docker: 'absent',
  hasApt: true,
  privilege: 'root',
  isTerminal: false,
  platform: 'linux',
};
const onPath = {
  mariadb: { server: '/usr/sbin/mariadbd', installer: '/usr/bin/mariadb-install-db' },
  redisServer: '/usr/bin/redis-server',
};

function kinds(found: Surroundings): [string, string] | string {
  const choice = chooseSources(found);
  return choice.kind === 'usable' ? [choice.mariadb.kind, choice.redis.kind] : choice.kind;
}

describe('chooseSources', () => {
  it('takes what the URLs give, whatever else is there', () => {
    const urls = { databaseUrl: 'mysql://db', redisUrl: 'redis://cache' };
    expect(kinds({ ...bareDebian, ...onPath, ...urls, docker: 'running' })).toEqual(['url', 'url']);
  });

  it('prefers servers on PATH to Docker', () => {
    expect(kinds({ ...bareDebian, ...onPath, docker: 'running' })).toEqual(['path', 'path']);
  });

  it('prefers a running Docker to installing packages', () => {
    expect(kinds({ ...bareDebian, docker: 'running' })).toEqual(['docker', 'docker']);
  });

  it('decides for each of the two by itself', () => {
    const found = { ...bareDebian, redisServer: '/usr/bin/redis-server' };
    expect(kinds({ ...found, docker: 'running' })).toEqual(['docker', 'path']);
    expect(chooseSources(found)).toMatchObject({
      mariadb: { kind: 'packages' },
      redis: { kind: 'path' },
      install: ['mariadb-server-core', 'mariadb-client-core'],
    });
  });

  it.each(['root', 'sudo'] as const)(
    'installs Debian packages as %s, Docker stopped',
    (privilege) => {
      expect(chooseSources({ ...bareDebian, privilege, docker: 'not running' })).toMatchObject({
        kind: 'usable',
        install: ['mariadb-server-core', 'mariadb-client-core', 'redis-server'],
        mustAsk: false,
      });
    },
  );

  it('asks before it installs when somebody is there to answer', () => {
    expect(chooseSources({ ...bareDebian, isTerminal: true })).toMatchObject({ mustAsk: true });
    expect(chooseSources({ ...bareDebian, ...onPath, isTerminal: true })).toMatchObject({
      install: [],
      mustAsk: false,
    });
  });

  it('stops with the exact line to type when it may not install', () => {
    expect(chooseSources({ ...bareDebian, privilege: 'none' })).toEqual({
      kind: 'impossible',
      reason:
        'MariaDB (mariadbd) and Redis (redis-server) not found on PATH, Docker is not installed, ' +
        'and packages can only be installed as root or with sudo.',
      lineToType:
        "su -c 'apt-get update && apt-get install -y --no-install-recommends " +
        "mariadb-server-core mariadb-client-core redis-server'",
    });
  });

  it('names only what is missing', () => {
    expect(
      chooseSources({ ...bareDebian, mariadb: onPath.mariadb, hasApt: false, platform: 'darwin' }),
    ).toEqual({
      kind: 'impossible',
      reason:
        'Redis (redis-server) not found on PATH, Docker is not installed, and there is no apt-get.',
      lineToType: 'brew install redis',
    });
  });

  it('says why each source was taken', () => {
    const choice = chooseSources({ ...bareDebian, docker: 'running', redisUrl: 'redis://cache' });
    expect(choice).toMatchObject({
      mariadb: { why: 'image mariadb:10.11: no server on PATH, Docker is running' },
      redis: { why: 'given by REDIS_URL' },
    });
  });
});
