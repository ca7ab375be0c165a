import type { DestinationStream } from 'pino';

/** How long a line may wait for others. */
const GATHER_MS = 20;
/** What a pipe takes whole or not at all (PIPE_BUF). The gates of one cluster share a pipe, and must not cut each other's lines. */
const MAX_WRITE_BYTES = 4_096;

/**
 * Gathers the log lines of a moment into one write: a system call costs more than the lines of a whole burst.
 *
 * Crash: a process that is killed loses the lines of its last 20 ms; one that ends, by whatever error, loses none.
 */
export class GatheredLines implements DestinationStream {
  readonly #destination: DestinationStream;
  #lines = '';
  #byteCount = 0;
  #isFlushDue = false;

  constructor(destination: DestinationStream) {
    this.#destination = destination;
    process.on('exit', () => this.flush());
  }

  write(line: string): void {
    const byteCount = Buffer.byteLength(line);
    if (this.#byteCount + byteCount > MAX_WRITE_BYTES) this.flush();
    this.#lines += line;
    this.#byteCount += byteCount;
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    setTimeout(() => {
      this.#isFlushDue = false;
      this.flush();
    }, GATHER_MS).unref();
  }

  flush(): void {
    if (this.#lines === '') return;
    const lines = this.#lines;
    this.#lines = '';
    this.#byteCount = 0;
    this.#destination.write(lines);
  }
}
