import { crc32 } from 'node:zlib';
import type { EnvReader } from '../../common/env.ts';
import type { DatabaseSettings } from '../../common/service-settings.ts';
import { readDatabaseAddress, type DatabaseAddress } from '../database-address.ts';
import {
  DEFAULT_TABLES,
  parseFollowedTables,
  TABLES_PATTERN,
  type FollowedTable,
} from './followed-tables.ts';

export interface FollowerSettings {
  /** Whose binlog is followed, and the schema in it. */
  readonly source: DatabaseAddress;
  readonly tables: ReadonlyMap<string, FollowedTable>;
  /** By which the server tells its replicas apart: of two with one number it hangs up on the first. */
  readonly serverId: number;
  /** Changes that wait for the broker, at which the binlog is read no further. It goes on at half of them. */
  readonly maxWaitingCount: number;
  /** Changes of one queue in one send. */
  readonly batchCount: number;
  /** How often the position is written down, up to which everything is published. */
  readonly checkpointMs: number;
  /** How often the server says that it has nothing to say. After three such times of silence the connection counts as lost. */
  readonly heartbeatMs: number;
  /** Between two tries of whatever failed: the first pause, doubled up to the second. */
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
}

export function readFollowerSettings(
  reader: EnvReader,
  server: DatabaseSettings,
): FollowerSettings {
  const { tables, problems } = parseFollowedTables(
    reader.text('SYNC_TABLES', {
      default: DEFAULT_TABLES,
      pattern: TABLES_PATTERN,
      mustBe: 'table:column or table:otherTable.column, several separated by commas',
    }),
  );
  for (const problem of problems) reader.require(false, `SYNC_TABLES: ${problem}`);
  const settings = {
    source: readDatabaseAddress(reader, 'SYNC_SOURCE', { schema: 'millrace_order', server }),
    tables,
    serverId: reader.integer('SYNC_SERVER_ID', {
      default: serverIdOf(server.schema),
      min: 1,
      max: 0xffff_ffff,
    }),
    maxWaitingCount: reader.integer('SYNC_MAX_WAITING_COUNT', {
      default: 4_096,
      min: 1,
      max: 1_000_000,
    }),
    batchCount: reader.integer('SYNC_BATCH_COUNT', { default: 64, min: 1, max: 1_024 }),
    checkpointMs: reader.integer('SYNC_CHECKPOINT_MS', { default: 500, min: 10, max: 60_000 }),
    heartbeatMs: reader.integer('SYNC_HEARTBEAT_MS', { default: 1_000, min: 100, max: 60_000 }),
    minBackoffMs: reader.integer('SYNC_MIN_BACKOFF_MS', { default: 100, min: 1, max: 60_000 }),
    maxBackoffMs: reader.integer('SYNC_MAX_BACKOFF_MS', { default: 5_000, min: 1, max: 600_000 }),
  };
  reader.require(
    settings.minBackoffMs <= settings.maxBackoffMs,
    `SYNC_MIN_BACKOFF_MS is ${settings.minBackoffMs}, it must not exceed SYNC_MAX_BACKOFF_MS (${settings.maxBackoffMs})`,
  );
  return Object.freeze(settings);
}

/** Another one for another copy of the service, and far from the small numbers that servers themselves have. */
function serverIdOf(schema: string): number {
  return (crc32(schema) | 0x4000_0000) >>> 0;
}
