import type { PropertyFilter } from '../protocol/filter/property-filter.ts';

export type GetStatus =
  | 'FOUND'
  | 'NO_MATCHED_MESSAGE'
  | 'MESSAGE_WAS_REMOVING'
  | 'OFFSET_FOUND_NULL'
  | 'OFFSET_OVERFLOW_BADLY'
  | 'OFFSET_OVERFLOW_ONE'
  | 'OFFSET_TOO_SMALL'
  | 'NO_MATCHED_LOGIC_QUEUE'
  | 'NO_MESSAGE_IN_QUEUE';

export interface GetRequest {
  topic: string;
  queueId: number;
  queueOffset: number;
  maxCount: number;
  maxBytes: number;
  /** Entries from here on are not looked at; absent: all are. */
  endOffset?: number | undefined;
  /** Only messages whose tagsCode is one of these; absent: all. */
  tagsCodes?: ReadonlySet<number> | undefined;
  /** Only messages with such properties; absent: all. Not together with tagsCodes. */
  filter?: Pick<PropertyFilter, 'matches'> | undefined;
}

export interface GetResult {
  status: GetStatus;
  /** Stored records end to end, as they are in the CommitLog. Views of shared memory: not to be changed. */
  buffers: Buffer[];
  count: number;
  /** Always a place from which the reader can go on. */
  nextBeginOffset: number;
  minOffset: number;
  maxOffset: number;
}

/** What one request may return of data that is probably on disk only, so that it cannot hold up the others. */
export interface TransferLimits {
  maxCountOnDisk: number;
  maxBytesOnDisk: number;
  /** Data farther than this from the end of the log counts as on disk. */
  memoryBytes: number;
}

/** Entries looked at for one request at least, and per wanted message, before a filter scan gives up. */
export const FILTER_SCAN_ENTRIES = 800;
const FILTER_SCAN_PER_MESSAGE = 20;

/** The entry at which a scan for wanted messages gives up. */
export function scanEndOf({ queueOffset, endOffset = Infinity, maxCount }: GetRequest): number {
  const scanEnd = queueOffset + Math.max(FILTER_SCAN_ENTRIES, maxCount * FILTER_SCAN_PER_MESSAGE);
  return Math.min(scanEnd, endOffset);
}
