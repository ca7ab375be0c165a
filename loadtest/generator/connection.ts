import { connect, type Socket } from 'node:net';
import { ResponseParser, type ParsedResponse } from './response-parser.ts';

/** What becomes of one request: exactly one of the two is called, once. */
export interface Exchange {
  /** On the clock of the client. */
  readonly startedMs: number;
  /** One of the two was called. */
  readonly isOver: boolean;
  onAnswer(status: number, body: string): void;
  /** `kind`: as errors are counted, `reset` for one. */
  onFailure(kind: string): void;
}

export interface ConnectionEvents {
  /** It can take another request. */
  onIdle(connection: Connection): void;
  onClosed(connection: Connection): void;
}

export interface Origin {
  readonly host: string;
  readonly port: number;
}

const errorKinds: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ETIMEDOUT: 'timeout',
};

/**
 * A keep-alive connection: what is put on it between two flushes goes out in one write, and the next only when all of it
 * is answered.
 *
 * Shape:  `readBuffer` may be shared by all connections of a process. What is read is used up before the next read.
 * Errors: whatever ends the connection fails all that is unanswered on it, each by the same kind.
 */
export class Connection {
  idleSinceMs = 0;
  /** Settles when it is connected, or closed before. */
  readonly connected: Promise<void>;
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  readonly #parser: ResponseParser;
  /** Unanswered, in the order they were sent. */
  #exchanges: Exchange[] = [];
  #answeredCount = 0;
  #outgoing = '';
  #isAscii = true;
  #isClosed = false;

  constructor({ host, port }: Origin, readBuffer: Uint8Array, events: ConnectionEvents) {
    this.#events = events;
    this.#parser = new ResponseParser((response) => this.#onResponse(response));
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (length, bytes) => {
          this.#onRead(bytes as Buffer, length);
          return true;
        },
      },
    });
    this.connected = new Promise((resolve) => {
      this.#socket.once('connect', resolve).once('close', () => resolve());
    });
    this.#socket.on('end', () => this.#onEnd());
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      const code = error.code ?? 'socket';
      this.close(errorKinds[code] ?? code.toLowerCase());
    });
    this.#socket.on('close', () => this.close('closed'));
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** How many of those put on it since it was idle. */
  get exchangeCount(): number {
    return this.#exchanges.length;
  }

  /** `text`: a whole request. */
  put(text: string, isAscii: boolean, exchange: Exchange): void {
    this.#exchanges.push(exchange);
    this.#outgoing += text;
    this.#isAscii &&= isAscii;
  }

  /** Writes what was put. Text in ASCII, as nearly all is, needs no conversion on its way to the kernel. */
  flush(): void {
    if (this.#outgoing === '') return;
    const text = this.#outgoing;
    const encoding = this.#isAscii ? 'latin1' : 'utf8';
    this.#outgoing = '';
    this.#isAscii = true;
    if (!this.#isClosed) this.#socket.write(text, encoding);
  }

  /** `kind`: what is counted for each that is unanswered. */
  close(kind: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const unanswered = this.#exchanges.slice(this.#answeredCount);
    this.#exchanges = [];
    this.#socket.destroy();
    this.#events.onClosed(this);
    for (const exchange of unanswered) exchange.onFailure(kind);
  }

  #onRead(bytes: Buffer, length: number): void {
    if (this.#isClosed) return;
    try {
      this.#parser.feed(bytes, length);
    } catch (error) {
      // A MalformedResponse; a failure of ours must not look like one of the peer.
      if (!(error instanceof Error) || error.name !== 'MalformedResponse') throw error;
      this.close('malformed');
    }
  }

  #onEnd(): void {
    if (!this.#isClosed) this.#parser.end();
    this.close('closed');
  }

  #onResponse({ status, body, keepsAlive }: ParsedResponse): void {
    const exchange = this.#exchanges[this.#answeredCount];
    if (exchange === undefined) {
      // An answer that nobody has asked for.
      this.close('malformed');
      return;
    }
    this.#answeredCount += 1;
    if (!keepsAlive) this.close('closed');
    else if (this.#answeredCount === this.#exchanges.length) {
      this.#exchanges = [];
      this.#answeredCount = 0;
      this.#events.onIdle(this);
    }
    exchange.onAnswer(status, body);
  }
}
