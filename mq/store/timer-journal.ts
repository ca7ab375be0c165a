import path from 'node:path';
import { writeInt64 } from '../protocol/bytes.ts';
import type { Files, OpenFile } from './files.ts';

/** queueOffset 8, copyOffset 8. */
const ENTRY_BYTES = 16;
const NAME = /^journal-(\d{1,15})$/;

/** A timer that is done, and why: the record that was written for it. */
export interface TimerDone {
  /** In rmq_sys_wheel_timer. */
  readonly queueOffset: number;
  /** The commitLogOffset of the delivered copy, or of what took its place. Never 0: the parked message comes before. */
  readonly copyOffset: number;
}

/** In the place of a queueOffset: the other number is what the steady clock showed. */
const STEADY_MARK = -1;

export interface TimerJournalContent {
  readonly done: readonly TimerDone[];
  /** The latest that was noted; 0 for none. */
  readonly steadyMs: number;
}

/**
 * Which timers are done since the snapshot of the same generation: appended to, never changed.
 *
 * An entry counts only while the record it names exists: after a power cut a journal may know of copies that the
 * CommitLog has lost.
 */
export class TimerJournal {
  readonly generation: number;
  readonly #files: Files;
  readonly #directory: string;
  #open: OpenFile | undefined;
  #writtenBytes = 0;
  #unwritten: TimerDone[] = [];
  #isDirty = false;
  /** A new name survives a power cut only after its directory was synced. */
  #isNameNew = true;

  constructor(files: Files, directory: string, generation: number) {
    this.#files = files;
    this.#directory = directory;
    this.generation = generation;
  }

  /** Written and unwritten. */
  get entryCount(): number {
    return this.#writtenBytes / ENTRY_BYTES + this.#unwritten.length;
  }

  /** Something was written since the last `sync`. */
  get isDirty(): boolean {
    return this.#isDirty;
  }

  /** Reaches the kernel with the next `write`. */
  add(done: TimerDone): void {
    this.#unwritten.push(done);
  }

  /** Reaches the kernel with the next `write`. */
  addSteady(steadyMs: number): void {
    this.#unwritten.push({ queueOffset: STEADY_MARK, copyOffset: Math.floor(steadyMs) });
  }

  /** Errors: what the disk says; what was not written is kept for the next call. */
  write(): void {
    if (this.#unwritten.length === 0) return;
    const bytes = Buffer.alloc(this.#unwritten.length * ENTRY_BYTES);
    for (const [index, { queueOffset, copyOffset }] of this.#unwritten.entries()) {
      writeInt64(bytes, queueOffset, index * ENTRY_BYTES);
      writeInt64(bytes, copyOffset, index * ENTRY_BYTES + 8);
    }
    this.#open ??= this.#create();
    this.#isDirty = true;
    // Over the same bytes again after a failure, so that an entry is never torn in the middle of the file.
    for (let at = 0; at < bytes.length;) {
      at += this.#open.write(bytes.subarray(at), this.#writtenBytes + at);
    }
    this.#writtenBytes += bytes.length;
    this.#unwritten = [];
  }

  /** Resolves when what was written would survive a power cut. Errors: what the disk says. */
  async sync(): Promise<void> {
    if (!this.#isDirty || this.#open === undefined) return;
    this.#isDirty = false;
    await this.#open.datasync();
    if (!this.#isNameNew) return;
    this.#isNameNew = false;
    await this.#files.syncDirectory(this.#directory);
    await this.#files.syncDirectory(path.dirname(this.#directory));
  }

  close(): void {
    this.#open?.close();
    this.#open = undefined;
  }

  #create(): OpenFile {
    this.#files.makeDirectory(this.#directory);
    return this.#files.open(journalPath(this.#directory, this.generation), 'write');
  }
}

/** The generations there is a journal of, oldest first. */
export function timerJournals(files: Files, directory: string): number[] {
  return files
    .list(directory)
    .flatMap((name) => NAME.exec(name)?.slice(1).map(Number) ?? [])
    .toSorted((a, b) => a - b);
}

/** Half an entry at the end, and what reads as zeros, was never written. */
export function readTimerJournal(
  files: Files,
  directory: string,
  generation: number,
): TimerJournalContent {
  const file = journalPath(directory, generation);
  const bytes = Buffer.alloc(files.sizeOf(file) ?? 0);
  const open = files.open(file, 'read');
  let filled = 0;
  try {
    while (filled < bytes.length) {
      const count = open.readSync(bytes.subarray(filled), filled);
      if (count === 0) break;
      filled += count;
    }
  } finally {
    open.close();
  }
  const done: TimerDone[] = [];
  let steadyMs = 0;
  for (let at = 0; at + ENTRY_BYTES <= filled; at += ENTRY_BYTES) {
    const queueOffset = Number(bytes.readBigInt64BE(at));
    const copyOffset = Number(bytes.readBigInt64BE(at + 8));
    if (queueOffset === STEADY_MARK) steadyMs = Math.max(steadyMs, copyOffset);
    else if (copyOffset > 0) done.push({ queueOffset, copyOffset });
  }
  return { done, steadyMs };
}

export function removeTimerJournal(files: Files, directory: string, generation: number): void {
  files.remove(journalPath(directory, generation));
}

function journalPath(directory: string, generation: number): string {
  return path.join(directory, `journal-${generation}`);
}
