import {
  entriesAt,
  INDEX_ENTRY_BYTES,
  readIndexEntry,
  slotAt,
  type IndexEntry,
  type IndexHeader,
  type IndexSizes,
} from './index-layout.ts';

/** Entries that are checked before the event loop gets its turn. */
const ENTRIES_PER_SLICE = 12_800;

export interface CheckOptions {
  sizes: IndexSizes;
  /** As it was found. */
  header: Readonly<IndexHeader>;
  /** Entries that point here or behind are of messages that were cut off. */
  endOffset: number;
  /** Reads `count` entries from number `first` on. */
  read: (first: number, count: number) => Promise<Buffer>;
  turn: () => Promise<void>;
}

export interface CheckedIndex {
  /** Of the entries that are right. Its endTimestamp is of the second, not yet the millisecond. */
  header: IndexHeader;
  /** Header's room, and the slots as these entries make them. */
  head: Buffer;
  /** What was wrong with the first entry that is cut, in words. */
  problem: string | undefined;
}

/**
 * Finds what can be relied on of an IndexFile that a killed process wrote to: every entry must be what the ones before it
 * make it, and point into the log, never backwards. It ends before the first that is not, and before the last message of the
 * others, since the last entry of that may be torn.
 */
export async function checkEntries(options: CheckOptions): Promise<CheckedIndex> {
  const checked: CheckedIndex = {
    header: { ...options.header, indexCount: 1, hashSlotCount: 0 },
    head: Buffer.alloc(entriesAt(options.sizes)),
    problem: undefined,
  };
  await walk(options, checked);
  await dropLastMessage(options, checked);
  return checked;
}

async function walk(
  { sizes, header: found, endOffset, read, turn }: CheckOptions,
  checked: CheckedIndex,
): Promise<void> {
  const { header, head } = checked;
  let lastOffset = 0;
  while (header.indexCount < found.indexCount) {
    const count = Math.min(ENTRIES_PER_SLICE, found.indexCount - header.indexCount);
    const bytes = await read(header.indexCount, count);
    for (let at = 0; at < bytes.length; at += INDEX_ENTRY_BYTES) {
      const entry = readIndexEntry(bytes, at);
      const problem =
        entryProblem(entry, lastOffset, endOffset) ??
        orderProblem(entry.previous, head.readInt32BE(slotAt(sizes, entry.keyHash)));
      if (problem !== undefined) {
        checked.problem = `entry ${header.indexCount} ${problem}`;
        return;
      }
      if (entry.previous === 0) header.hashSlotCount++;
      head.writeInt32BE(header.indexCount, slotAt(sizes, entry.keyHash));
      lastOffset = entry.commitLogOffset;
      header.indexCount++;
    }
    await turn();
  }
}

async function dropLastMessage(
  { sizes, read }: CheckOptions,
  { header, head }: CheckedIndex,
): Promise<void> {
  const last = async (): Promise<IndexEntry | undefined> =>
    header.indexCount > 1 ? readIndexEntry(await read(header.indexCount - 1, 1), 0) : undefined;
  let entry = await last();
  const dropped = entry?.commitLogOffset;
  while (entry !== undefined && entry.commitLogOffset === dropped) {
    head.writeInt32BE(entry.previous, slotAt(sizes, entry.keyHash));
    if (entry.previous === 0) header.hashSlotCount--;
    header.indexCount--;
    entry = await last();
  }
  header.endPhyOffset = entry?.commitLogOffset ?? 0;
  header.endTimestamp = entry === undefined ? 0 : header.beginTimestamp + 1000 * entry.seconds;
  if (entry === undefined) header.beginPhyOffset = header.beginTimestamp = 0;
}

/** What cannot be in an entry for a message in `[from, to)`, in words. */
export function entryProblem(entry: IndexEntry, from: number, to: number): string | undefined {
  const { keyHash, commitLogOffset, seconds } = entry;
  if (keyHash < 0 || seconds < 0) return `has hash ${keyHash} and second ${seconds}`;
  if (commitLogOffset >= from && commitLogOffset < to) return undefined;
  return `is at ${commitLogOffset}, outside ${from}..${to}`;
}

function orderProblem(previous: number, expected: number): string | undefined {
  return previous === expected ? undefined : `comes after ${previous}, not ${expected}`;
}
