import { randomBytes } from 'node:crypto';

/** What nobody may know who is not told, by the variable of the processes that need it. */
export interface Secrets {
  readonly DATABASE_URL: string;
  readonly CHANNEL_SECRET: string;
  readonly CUSTOMER_TOKEN_SECRET: string;
}

/**
 * The file of each, in the form of `node --env-file`. Each is alone in its folder, which is a volume: a container has those that
 * it needs, and no others.
 */
export const secretFiles: Readonly<Record<keyof Secrets, string>> = {
  DATABASE_URL: 'database/secret.env',
  CHANNEL_SECRET: 'channel/secret.env',
  CUSTOMER_TOKEN_SECRET: 'customers/secret.env',
};

/** The user of the services at a database server of this name. */
const user = 'millrace';

export function newSecrets(databaseHost: string): Secrets {
  return {
    DATABASE_URL: `mysql://${user}:${newSecret()}@${databaseHost}:3306`,
    CHANNEL_SECRET: newSecret(),
    CUSTOMER_TOKEN_SECRET: newSecret(),
  };
}

/** What stands in a file of secrets; undefined where that is not all there, or not the secret of this name. */
export function readSecret(name: keyof Secrets, text: string): string | undefined {
  const value = new RegExp(`^${name}=(\\S{16,})\n$`).exec(text)?.[1];
  if (name === 'DATABASE_URL' && value !== undefined && !URL.canParse(value)) return undefined;
  return value;
}

/**
 * What MariaDB is told at its first start: a user for the services, who may do what he likes with their schemas, whose names
 * begin alike, follow the binlog, and nothing else.
 */
export function databaseUserSql(databaseUrl: string): string {
  const { username, password } = new URL(databaseUrl);
  return [
    `CREATE USER '${username}'@'%' IDENTIFIED BY '${password}';`,
    `GRANT ALL PRIVILEGES ON \`millrace\\_%\`.* TO '${username}'@'%';`,
    `GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO '${username}'@'%';`,
    '',
  ].join('\n');
}

/** Of letters and digits alone: it is written into URLs and SQL. */
function newSecret(): string {
  return randomBytes(24).toString('hex');
}
