import { describe, expect, it } from '@jest/globals';
import { databaseUserSql, newSecrets } from '../../../infra/containers/secrets.ts';

describe('secrets of a shop in containers', () => {
  it('are others each time, and long enough', () => {
    const [one, other] = [newSecrets('mariadb'), newSecrets('mariadb')];
    for (const name of ['DATABASE_URL', 'CHANNEL_SECRET', 'CUSTOMER_TOKEN_SECRET'] as const) {
      expect(one[name]).not.toBe(other[name]);
      expect(one[name].length).toBeGreaterThanOrEqual(32);
    }
  });

  it('give the database user the password that the services have, and the schemas of the shop only', () => {
    const { DATABASE_URL: url } = newSecrets('mariadb');
    const sql = databaseUserSql(url);
    expect(sql).toContain(`CREATE USER 'millrace'@'%' IDENTIFIED BY '${new URL(url).password}';`);
    expect(sql).toContain('ON `millrace\\_%`.* TO');
    expect(sql).not.toContain('ALL PRIVILEGES ON *.*');
  });
});
