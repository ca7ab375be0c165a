import type { EnvReader } from '../common/env.ts';
import type { DatabaseSettings } from '../common/service-settings.ts';

/** A schema that is not the service's own. */
export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly schema: string;
}

/** `<prefix>_URL`, by default the server of the service's own database, and `<prefix>_SCHEMA`. */
export function readDatabaseAddress(
  reader: EnvReader,
  prefix: string,
  defaults: { schema: string; server: DatabaseSettings },
): DatabaseAddress {
  const url = reader.optionalUrl(`${prefix}_URL`, ['mysql:', 'mariadb:'], urlOf(defaults.server));
  reader.require(
    url.pathname === '/' || url.pathname === '',
    `${prefix}_URL names the schema ${JSON.stringify(url.pathname.slice(1))}, it must end after the port: the schema is ${prefix}_SCHEMA`,
  );
  reader.require(
    url.search === '' && url.hash === '',
    `${prefix}_URL has a part after the schema (? or #), none is understood`,
  );
  return Object.freeze({
    // A URL writes an IPv6 address in brackets, a socket wants it without.
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || 3306),
    user: decodeURIComponent(url.username) || 'root',
    password: decodeURIComponent(url.password),
    schema: reader.text(`${prefix}_SCHEMA`, {
      default: defaults.schema,
      pattern: /^[a-z][a-z0-9_]{0,63}$/,
      mustBe: 'at most 64 characters a-z, 0-9 and _, starting with a letter',
    }),
  });
}

function urlOf({ host, port, user, password }: DatabaseSettings): string {
  const credentials = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  return `mysql://${credentials}@${host.includes(':') ? `[${host}]` : host}:${port}`;
}
