import { describe, expect, it } from '@jest/globals';
import { databaseUserSql, newSecrets, readSecret } from '../../../infra/containers/secrets.ts';

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

  it('are read from a file that is all there, and from no other', () => {
    const { DATABASE_URL: url } = newSecrets('mariadb');
    const whole = `DATABASE_URL=${url}\n`;
    expect(readSecret('DATABASE_URL', whole)).toBe(url);
    for (let size = 0; size < whole.length; size += 1) {
      expect(readSecret('DATABASE_URL', whole.slice(0, size))).toBeUndefined();
    }
    expect(readSecret('CHANNEL_SECRET', whole)).toBeUndefined();
    expect(readSecret('DATABASE_URL', 'DATABASE_URL=no-address-of-a-database\n')).toBeUndefined();
  });
});
