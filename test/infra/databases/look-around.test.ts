import { describe, expect, it } from '@jest/globals';
import { lookAround } from '../../../infra/databases/look-around.ts';
import { fakeMachine } from './fake-machine.ts';

const mariadbOnPath = {
  'mariadb-install-db': '/usr/bin/mariadb-install-db',
  mariadbd: '/usr/sbin/mariadbd',
};
const mariadbVersion = {
  '/usr/sbin/mariadbd --no-defaults --version': 'mariadbd  Ver 10.11.19-MariaDB for debian',
};

describe('lookAround', () => {
  it('finds MariaDB and Redis on PATH, and then asks for neither Docker nor sudo', async () => {
    const machine = fakeMachine({
      executables: { ...mariadbOnPath, 'redis-server': '/usr/bin/redis-server', docker: '/docker' },
      answers: mariadbVersion,
    });
    expect(await lookAround(machine)).toMatchObject({
      mariadb: { server: '/usr/sbin/mariadbd', installer: '/usr/bin/mariadb-install-db' },
      redisServer: '/usr/bin/redis-server',
    });
    expect(machine.ran).toEqual(['/usr/sbin/mariadbd --no-defaults --version']);
  });

  it("does not take Oracle's MySQL for MariaDB", async () => {
    const machine = fakeMachine({
      executables: { mysqld: '/usr/sbin/mysqld', mysql_install_db: '/usr/bin/mysql_install_db' },
      answers: { '/usr/sbin/mysqld --no-defaults --version': 'mysqld  Ver 8.4.2 for Linux' },
    });
    expect(await lookAround(machine)).not.toHaveProperty('mariadb');
  });

  it('takes a MariaDB that is called mysqld', async () => {
    const machine = fakeMachine({
      executables: { mysqld: '/usr/sbin/mysqld', mysql_install_db: '/usr/bin/mysql_install_db' },
      answers: { '/usr/sbin/mysqld --no-defaults --version': 'mysqld  Ver 10.5.1-MariaDB' },
    });
    expect(await lookAround(machine)).toMatchObject({ mariadb: { server: '/usr/sbin/mysqld' } });
  });

  it('looks for nothing that a URL gives; an empty variable gives none', async () => {
    const machine = fakeMachine({
      env: { DATABASE_URL: 'mysql://root@db', REDIS_URL: '' },
      executables: mariadbOnPath,
    });
    const found = await lookAround(machine);
    expect(found).toMatchObject({ databaseUrl: 'mysql://root@db' });
    expect(found).not.toHaveProperty('redisUrl');
    expect(machine.ran).toEqual([]);
  });

  it('tells a Docker that runs from one that is only installed', async () => {
    const executables = { docker: '/usr/bin/docker' };
    const running = fakeMachine({ executables, answers: { 'docker info': 'Server Version: 28' } });
    expect(await lookAround(running)).toMatchObject({ docker: 'running' });
    expect(await lookAround(fakeMachine({ executables }))).toMatchObject({ docker: 'not running' });
    expect(await lookAround(fakeMachine({}))).toMatchObject({ docker: 'absent' });
  });

  it('counts on sudo without a terminal only when it asks for no password', async () => {
    const executables = { 'apt-get': '/usr/bin/apt-get', sudo: '/usr/bin/sudo' };
    const withPassword = fakeMachine({ isRoot: false, executables });
    expect(await lookAround(withPassword)).toMatchObject({ privilege: 'none' });
    const without = fakeMachine({
      isRoot: false,
      executables,
      answers: { 'sudo --non-interactive true': '' },
    });
    expect(await lookAround(without)).toMatchObject({ privilege: 'sudo' });
    const atTerminal = fakeMachine({ isRoot: false, isTerminal: true, executables });
    expect(await lookAround(atTerminal)).toMatchObject({ privilege: 'sudo' });
  });
});
