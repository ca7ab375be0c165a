import type { Writable } from 'node:stream';
import type { RemotingCommand } from '../protocol/frame.ts';
import { NOT_PLAIN, writePlainHead } from '../protocol/plain-head.ts';

/** Where heads of frames are written, of all connections; what has been sent goes with the last view of it. */
const HEAD_BLOCK_BYTES = 64 * 1024;
let headBlock = Buffer.alloc(0);
let headBlockUsed = 0;
/** A head that needs more is an exception, and leaves the rest of a block unused. */
const LARGEST_PLAIN_HEAD_BYTES = 2048;

/** Neighbouring frames up to this size are copied into one buffer; a larger one is cheaper handed over as it is. */
const COPY_UP_TO_BYTES = 16 * 1024;

/**
 * Gathers the frames of one tick into one write: a system call costs more than the frames of a whole burst.
 *
 * Order: frames leave in the order they were added.
 */
export class OutgoingFrames {
  readonly #stream: Writable;
  readonly #onSent: () => void;
  #frames: Buffer[] = [];
  /** Plain heads that lie one behind the other in the block, the last of what was added: `[runStart, runEnd)`. */
  #runBlock: Buffer | undefined;
  #runStart = 0;
  #runEnd = 0;
  #gatheredBytes = 0;
  #addedBytes = 0;
  #isFlushDue = false;
  #drainWaiters: (() => void)[] = [];

  /** `onSent` is called whenever the kernel has taken bytes. */
  constructor(stream: Writable, onSent: () => void) {
    this.#stream = stream;
    this.#onSent = onSent;
  }

  /** Bytes the kernel has not taken yet. */
  get unsentBytes(): number {
    return this.#gatheredBytes + this.#stream.writableLength;
  }

  /** All bytes ever added. */
  get addedBytes(): number {
    return this.#addedBytes;
  }

  add(frame: Buffer): void {
    this.#endRun();
    this.#frames.push(frame);
    this.#noteAdded(frame.length);
  }

  /** Adds a frame up to its body, if its head is a plain one of at most `maxBytes`; see plain-head.ts. */
  addPlainHead(command: RemotingCommand, maxBytes: number): boolean {
    if (headBlock.length - headBlockUsed < LARGEST_PLAIN_HEAD_BYTES) {
      headBlock = Buffer.allocUnsafeSlow(HEAD_BLOCK_BYTES);
      headBlockUsed = 0;
    }
    const start = headBlockUsed;
    const end = writePlainHead(command, headBlock, start);
    if (end === NOT_PLAIN || end - start > maxBytes) return false;
    headBlockUsed = end;
    if (this.#runBlock !== headBlock || this.#runEnd !== start) {
      this.#endRun();
      this.#runBlock = headBlock;
      this.#runStart = start;
    }
    this.#runEnd = end;
    this.#noteAdded(end - start);
    return true;
  }

  #endRun(): void {
    if (this.#runBlock === undefined) return;
    this.#frames.push(this.#runBlock.subarray(this.#runStart, this.#runEnd));
    this.#runBlock = undefined;
  }

  #noteAdded(byteCount: number): void {
    this.#addedBytes += byteCount;
    this.#gatheredBytes += byteCount;
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    // Runs after the promises that are ready now, so replies that settle together leave together.
    process.nextTick(() => this.flush());
  }

  flush(): void {
    this.#isFlushDue = false;
    this.#endRun();
    if (this.#frames.length === 0) return;
    const frames = this.#frames;
    this.#frames = [];
    this.#gatheredBytes = 0;
    if (!this.#stream.writable) return;
    // What the stream has not got rid of stays for as long as the peer likes.
    const isToWait = this.#stream.writableLength > 0;
    const blocks = frames.length === 1 && !isToWait ? frames : mergeSmall(frames, isToWait);
    if (blocks.length > 1) this.#stream.cork();
    for (const [index, block] of blocks.entries()) {
      this.#stream.write(block, index === blocks.length - 1 ? this.#sent : undefined);
    }
    if (blocks.length > 1) this.#stream.uncork();
  }

  /** Settles when the kernel has taken everything, or there is nobody left to send to. */
  drained(): Promise<void> {
    this.flush();
    if (this.unsentBytes === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drainWaiters.push(resolve));
  }

  /** Forgets what was not sent. */
  drop(): void {
    this.#frames = [];
    this.#runBlock = undefined;
    this.#gatheredBytes = 0;
    this.#wakeWaiters();
  }

  // A failed write is followed by the stream's own error and close events, which say more than this one.
  readonly #sent = (error?: Error | null): void => {
    if (error) return;
    this.#onSent();
    if (this.unsentBytes === 0) this.#wakeWaiters();
  };

  #wakeWaiters(): void {
    const waiters = this.#drainWaiters;
    this.#drainWaiters = [];
    for (const wake of waiters) wake();
  }
}

function mergeSmall(frames: readonly Buffer[], isToWait: boolean): Buffer[] {
  const blocks: Buffer[] = [];
  let run: Buffer[] = [];
  const endRun = (): void => {
    if (run.length > 0) blocks.push(isToWait ? kept(run) : joined(run));
    run = [];
  };
  for (const frame of frames) {
    if (frame.length <= COPY_UP_TO_BYTES) {
      run.push(frame);
    } else {
      endRun();
      blocks.push(frame);
    }
  }
  endRun();
  return blocks;
}

function joined(run: readonly Buffer[]): Buffer {
  return run.length === 1 ? run[0]! : Buffer.concat(run);
}

/** A copy that keeps nothing but itself, where a small view would keep its whole block, or Node's pool. */
function kept(run: readonly Buffer[]): Buffer {
  const copy = Buffer.allocUnsafeSlow(run.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const frame of run) at += frame.copy(copy, at);
  return copy;
}
