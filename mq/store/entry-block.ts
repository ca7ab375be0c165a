import { INDEX_ENTRY_BYTES, readIndexEntry, type IndexEntry } from './index-layout.ts';

/** Entries fetched with the one that is wanted, while those wanted next turn out to be among them. */
const MIN_ENTRIES = 200;
const MAX_ENTRIES = 12_800;

/** Entries of an IndexFile read together. A chain leads downwards, so a block ends with the entry that is wanted. */
export class EntryBlock {
  #first = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #entries = MIN_ENTRIES;
  #hits = 0;

  has(number: number): boolean {
    const isHere =
      number >= this.#first && number < this.#first + this.#bytes.length / INDEX_ENTRY_BYTES;
    if (isHere) this.#hits++;
    return isHere;
  }

  /** Blocks grow while they serve several entries of the chain: those of a tag that half of all messages have. */
  firstFor(number: number): number {
    this.#entries = this.#hits > 1 ? Math.min(2 * this.#entries, MAX_ENTRIES) : MIN_ENTRIES;
    this.#hits = 0;
    return Math.max(1, number + 1 - this.#entries);
  }

  take(first: number, bytes: Buffer): void {
    this.#first = first;
    this.#bytes = bytes;
  }

  entry(number: number): IndexEntry {
    return readIndexEntry(this.#bytes, (number - this.#first) * INDEX_ENTRY_BYTES);
  }
}
