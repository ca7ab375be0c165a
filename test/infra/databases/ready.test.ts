import { describe, expect, it } from '@jest/globals';
import { mariadbAnswers, redisAnswers } from '../../../infra/databases/ready.ts';

describe('a given URL', () => {
  it.each(['postgres://127.0.0.1:1', '127.0.0.1:3306', 'localhost', 'redis://127.0.0.1:6379'])(
    'of MariaDB is not dialled when it is %s',
    async (url) => {
      expect(await mariadbAnswers(url)).toContain('such as mysql://');
    },
  );

  it('of MariaDB is not dialled when it names a schema, which the services would refuse', async () => {
    expect(await mariadbAnswers('mysql://root@127.0.0.1:1/shop')).toContain(
      'names the schema shop',
    );
  });

  it.each(['http://127.0.0.1:1', '127.0.0.1:6379', 'localhost', 'mysql://127.0.0.1:3306'])(
    'of Redis is not dialled when it is %s',
    async (url) => {
      expect(await redisAnswers(url)).toContain('such as redis://');
    },
  );

  it('of a server that is not there says so', async () => {
    expect(await mariadbAnswers('mysql://root@127.0.0.1:1/')).toContain('ECONNREFUSED');
    expect(await redisAnswers('redis://127.0.0.1:1')).toContain('ECONNREFUSED');
  });
});
