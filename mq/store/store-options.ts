import os from 'node:os';
import { systemClock, type Clock } from '../clock.ts';
import { silentLogger, type Logger } from '../logger.ts';
import type { HostAddress } from '../protocol/host-address.ts';
import { nodeFiles, type Files } from './files.ts';
import type { FlushDiskType } from './group-commit.ts';
import type { TransferLimits } from './get-request.ts';
import { DEFAULT_HASH_SLOTS, DEFAULT_INDEX_ENTRIES } from './index-layout.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The delays of levels 1 to 18, as every client knows them. */
const DEFAULT_DELAY_LEVELS_MS: readonly number[] = [
  ...[1, 5, 10, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30].map((minutes) => minutes * MINUTE),
  HOUR,
  2 * HOUR,
];

export interface StoreOptions {
  rootDir: string;
  /** What a record says it was stored by, unless the message says otherwise. */
  storeHost: HostAddress;
  flushDiskType?: FlushDiskType;
  commitLogSegmentBytes?: number;
  consumeQueueEntriesPerFile?: number;
  /** Whether messages can be found by key; the files of an index made before stay. */
  messageIndexEnable?: boolean;
  /** Slots and entries of one IndexFile. Files of other sizes are set aside, and made again. */
  maxHashSlotNum?: number;
  maxIndexNum?: number;
  /** Largest body. */
  maxMessageBytes?: number;
  syncFlushTimeoutMs?: number;
  /** ASYNC_FLUSH: fsync at most this long after a write. */
  flushIntervalMs?: number;
  consumeQueueWriteIntervalMs?: number;
  /** The checkpoint moves after so much of the log, which bounds what recovery has to read. */
  checkpointBytes?: number;
  /** Appends are refused above this use of the disk, if less than diskMinFreeBytes is free. */
  diskMaxUsedPercent?: number;
  diskMinFreeBytes?: number;
  /** How much of the newest data stays in this process's memory. */
  recentBytes?: number;
  transferLimits?: Partial<TransferLimits>;
  /** Delays of SCHEDULE_TOPIC_XXXX, from level 1. */
  delayLevelsMs?: readonly number[];
  clock?: Clock;
  files?: Files;
  logger?: Logger;
}

/** Options with every default filled in. */
export type StoreSettings = Required<Omit<StoreOptions, 'transferLimits'>> & {
  transferLimits: TransferLimits;
};

export function withDefaults(given: StoreOptions): StoreSettings {
  return {
    flushDiskType: 'SYNC_FLUSH',
    commitLogSegmentBytes: 1024 * MIB,
    consumeQueueEntriesPerFile: 300_000,
    messageIndexEnable: true,
    maxHashSlotNum: DEFAULT_HASH_SLOTS,
    maxIndexNum: DEFAULT_INDEX_ENTRIES,
    maxMessageBytes: 4 * MIB,
    syncFlushTimeoutMs: 5_000,
    flushIntervalMs: 500,
    consumeQueueWriteIntervalMs: 1_000,
    checkpointBytes: 64 * MIB,
    diskMaxUsedPercent: 90,
    diskMinFreeBytes: 1024 * MIB,
    recentBytes: 32 * MIB,
    delayLevelsMs: DEFAULT_DELAY_LEVELS_MS,
    clock: systemClock,
    files: nodeFiles,
    logger: silentLogger,
    ...given,
    transferLimits: {
      maxCountOnDisk: 8,
      maxBytesOnDisk: 64 * KIB,
      // Data within 40 % of the machine's memory from the end is taken to be in the page cache, as the original does.
      memoryBytes: os.totalmem() * 0.4,
      ...given.transferLimits,
    },
  };
}
