import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What may be held more than at the start: outcomes and kept inputs of all targets, and what the engine keeps of its own. */
const ALLOWED_GROWTH_BYTES = 96 * 1024 * 1024;
/** Buffers are given back some turns of the event loop after they were collected. */
const COLLECTIONS = 5;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Holds a run to bounded memory: what is in use after a garbage collection must not grow with the number of inputs. */
export class MemoryBound {
  readonly #startBytes: number;
  #peakBytes: number;

  static async begin(): Promise<MemoryBound> {
    return new MemoryBound(await inUse());
  }

  private constructor(startBytes: number) {
    this.#startBytes = startBytes;
    this.#peakBytes = startBytes;
  }

  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** Errors: saying both figures. `after`: which target has just come to rest. */
  async assertKept(after: string): Promise<void> {
    const bytes = await inUse();
    this.#peakBytes = Math.max(this.#peakBytes, bytes);
    if (bytes - this.#startBytes <= ALLOWED_GROWTH_BYTES) return;
    throw new Error(
      `after ${after}, ${mebibytes(bytes)} MiB are in use after a garbage collection, ${mebibytes(this.#startBytes)} were at the start; ` +
        `${mebibytes(ALLOWED_GROWTH_BYTES)} more are allowed`,
    );
  }
}

export function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

async function inUse(): Promise<number> {
  for (let left = COLLECTIONS; left > 0; left--) {
    collectGarbage();
    await nextTurn();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
