import type { EnvReader } from '../../common/env.ts';
import type { DatabaseSettings } from '../../common/service-settings.ts';
import { readDatabaseAddress, type DatabaseAddress } from '../database-address.ts';

export interface CopySettings {
  /** Where the copied tables are, and what is remembered of the copying. */
  readonly database: DatabaseAddress;
  readonly poolSize: number;
  /** How long a statement may take before its connection is given up: a database that hangs is away. */
  readonly statementTimeoutMs: number;
  /** Changes applied in one transaction at most. */
  readonly batchCount: number;
  /** How long a queue rests when its changes could not be applied. */
  readonly suspendMs: number;
  /** An SQL92 condition on the messages' properties: only such changes are copied. Undefined: all are. */
  readonly condition: string | undefined;
  /** Rows of a snapshot that are read and written at once. */
  readonly pageRowCount: number;
  /** Between two tries of a snapshot that failed. */
  readonly snapshotBackoffMs: number;
}

/** `server`: of the service's own schema; the copy is beside it unless told otherwise. */
export function readCopySettings(reader: EnvReader, server: DatabaseSettings): CopySettings {
  const condition = reader.text('SYNC_COPY_CONDITION', {
    default: '',
    pattern: /^[\x20-\x7e]{0,1000}$/,
    mustBe: 'at most 1000 visible ASCII characters',
  });
  return Object.freeze({
    database: readDatabaseAddress(reader, 'COPY_DATABASE', { schema: 'millrace_copy', server }),
    poolSize: reader.integer('COPY_DATABASE_POOL_SIZE', { default: 10, min: 2, max: 500 }),
    statementTimeoutMs: reader.integer('COPY_DATABASE_STATEMENT_TIMEOUT_MS', {
      default: 30_000,
      min: 100,
      max: 600_000,
    }),
    batchCount: reader.integer('SYNC_COPY_BATCH_COUNT', { default: 128, min: 1, max: 1_024 }),
    suspendMs: reader.integer('SYNC_COPY_SUSPEND_MS', { default: 1_000, min: 10, max: 30_000 }),
    condition: condition === '' ? undefined : condition,
    pageRowCount: reader.integer('SYNC_SNAPSHOT_PAGE_ROWS', {
      default: 1_000,
      min: 1,
      max: 10_000,
    }),
    snapshotBackoffMs: reader.integer('SYNC_SNAPSHOT_BACKOFF_MS', {
      default: 1_000,
      min: 10,
      max: 600_000,
    }),
  });
}
