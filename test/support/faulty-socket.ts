import { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/**
 * One end of a connection that exists only in memory, and misbehaves when told to.
 *
 * `receive` is what the peer sends. What is written gathers in `writes`, one entry per write the kernel would
 * have seen. While `isStalled` the peer takes nothing: writes stay unacknowledged until `unstall`.
 */
export class FaultySocket extends Duplex {
  readonly writes: Buffer[] = [];
  isStalled = false;
  #onUnstall: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: false });
  }

  get written(): Buffer {
    return Buffer.concat(this.writes);
  }

  receive(bytes: Buffer): void {
    this.push(bytes);
  }

  /** The peer closes its side. */
  receiveEnd(): void {
    this.push(null);
  }

  /** The connection breaks, as with ECONNRESET. */
  break(message = 'read ECONNRESET'): void {
    this.destroy(new Error(message));
  }

  unstall(): void {
    this.isStalled = false;
    this.#onUnstall?.();
    this.#onUnstall = undefined;
  }

  override _read(): void {
    // Bytes come when `receive` is called, not when they are asked for.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#take([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#take(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: () => void): void {
    done();
  }

  #take(chunks: Buffer[], done: () => void): void {
    this.writes.push(Buffer.concat(chunks));
    if (this.isStalled) this.#onUnstall = done;
    else setImmediate(done);
  }
}

/** A socket that never gets an answer to its SYN, like one to a host behind a silent firewall. */
export function unansweredSocket(): Socket {
  return new Socket();
}
