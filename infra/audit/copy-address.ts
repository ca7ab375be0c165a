import { copySchema } from './schemas.ts';

/** Where the copy of the order database is. */
export interface CopyAddress {
  databaseUrl: string;
  schema: string;
}

/** Where services/sync keeps it, which reads the same variables: beside its source, unless told otherwise. */
export function copyAddress(
  databaseUrl: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): CopyAddress {
  return {
    databaseUrl: env['COPY_DATABASE_URL'] || databaseUrl,
    schema: env['COPY_DATABASE_SCHEMA'] || copySchema,
  };
}
