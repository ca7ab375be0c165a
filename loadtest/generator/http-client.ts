import { Connection, type ConnectionEvents, type Exchange, type Origin } from './connection.ts';

export interface HttpClientOptions {
  /** By the names that requests use. */
  readonly origins: Readonly<Record<string, Origin>>;
  /** Open at once, to each origin. */
  readonly maxConnections: number;
  /** How many requests of one turn of the loop may share a connection, sent in one write. 1: never two, as browsers do. */
  readonly pipelining: number;
  /** From the start of an exchange to its answer's last byte. */
  readonly timeoutMs: number;
  /** On a clock that never goes back. */
  nowMs(): number;
}

interface Outgoing {
  /** A whole request. */
  readonly text: string;
  readonly isAscii: boolean;
  readonly exchange: Exchange;
}

interface InLine extends Outgoing {
  /** Since when. */
  readonly sinceMs: number;
}

/** Well below the 5 s after which Node's servers close what is idle: no request may meet that. */
const maxIdleMs = 4_000;
/**
 * In line for a connection, at most. Longer, and under a load that is too high for long every request would be sent with so
 * little of its time left that none is answered in it, however many the server still answers.
 */
const maxLineMs = 2_000;
const readBufferBytes = 65_536;
/** Opened at once: a server's backlog is short. */
const connectCount = 64;

/**
 * Keeps connections open. A request gets the one that was idle for the longest time, so that several processes behind one
 * port all have their share of them, else a new one; it shares it with none but requests of the same turn of the loop. At the connection bound it waits in line, and its latency grows.
 *
 * Errors: by kind, to the exchange: `dropped` when it had to stand in line for too long, `timeout` when it was sent;
 *         `refused`, `reset`, `closed` and other codes of sockets; `malformed`. Nothing is tried again: a second try
 *         would hide the first.
 */
export class HttpClient {
  readonly #origins: ReadonlyMap<string, OriginConnections>;
  #openedCount = 0;
  #waitedCount = 0;

  constructor(options: HttpClientOptions) {
    const readBuffer = Buffer.allocUnsafeSlow(readBufferBytes);
    const onOpened = (): void => void (this.#openedCount += 1);
    this.#origins = new Map(
      Object.entries(options.origins).map(([name, origin]) => [
        name,
        new OriginConnections(origin, options, readBuffer, onOpened),
      ]),
    );
  }

  get openedCount(): number {
    return this.#openedCount;
  }

  /** Requests that found all connections taken. */
  get waitedCount(): number {
    return this.#waitedCount;
  }

  /** Opens all connections there may be to an origin. Waits until they are open, those that can be. */
  connect(origin: string): Promise<void> {
    return this.#connectionsTo(origin).connectAll();
  }

  /** `text`: a whole request. */
  send(origin: string, text: string, isAscii: boolean, exchange: Exchange): void {
    if (!this.#connectionsTo(origin).send({ text, isAscii, exchange })) this.#waitedCount += 1;
  }

  /** To be called now and then: ends what has had no answer for too long, and connections that were idle for long. */
  sweep(): void {
    for (const connections of this.#origins.values()) connections.sweep();
  }

  close(): void {
    for (const connections of this.#origins.values()) connections.close();
  }

  #connectionsTo(origin: string): OriginConnections {
    const connections = this.#origins.get(origin);
    if (connections !== undefined) return connections;
    throw new RangeError(`no service ${origin}, there are ${[...this.#origins.keys()].join(', ')}`);
  }
}

class OriginConnections {
  readonly #origin: Origin;
  readonly #options: HttpClientOptions;
  readonly #readBuffer: Buffer;
  readonly #onOpened: () => void;
  readonly #events: ConnectionEvents;
  readonly #open = new Set<Connection>();
  /** Idle for the longest time first. */
  readonly #idle = new Set<Connection>();
  /** Takes more of this turn. */
  #gathering: Connection | undefined;
  /** In the order they were started, which is that of their deadlines. */
  #sent: { exchange: Exchange; connection: Connection }[] = [];
  #line: InLine[] = [];
  /** How many at the front of the line have left it. */
  #served = 0;
  #isClosed = false;

  constructor(
    origin: Origin,
    options: HttpClientOptions,
    readBuffer: Buffer,
    onOpened: () => void,
  ) {
    this.#origin = origin;
    this.#options = options;
    this.#readBuffer = readBuffer;
    this.#onOpened = onOpened;
    this.#events = {
      onIdle: (connection) => {
        connection.idleSinceMs = options.nowMs();
        this.#idle.add(connection);
        this.#serveLine();
      },
      onClosed: (connection) => this.#forget(connection),
    };
  }

  async connectAll(): Promise<void> {
    const { maxConnections } = this.#options;
    for (let count = 0; count < maxConnections; count += connectCount) {
      const connections: Connection[] = [];
      while (connections.length < Math.min(connectCount, maxConnections - count)) {
        const connection = this.#connect();
        if (connection === undefined) break;
        connections.push(connection);
      }
      await Promise.all(connections.map(({ connected }) => connected));
      for (const connection of connections) {
        if (!connection.isClosed) this.#events.onIdle(connection);
      }
    }
  }

  /** False: it has to wait. */
  send(outgoing: Outgoing): boolean {
    if (this.#line.length === this.#served && this.#put(outgoing)) return true;
    this.#line.push({ ...outgoing, sinceMs: this.#options.nowMs() });
    return false;
  }

  sweep(): void {
    const nowMs = this.#options.nowMs();
    const { timeoutMs } = this.#options;
    const isLate = ({ exchange }: { exchange: Exchange }): boolean =>
      nowMs - exchange.startedMs >= timeoutMs;
    const isTired = (inLine: InLine): boolean =>
      nowMs - inLine.sinceMs >= maxLineMs || isLate(inLine);
    // Before connections come free, which would send what nobody waits for any more.
    while (this.#served < this.#line.length && isTired(this.#line[this.#served]!)) {
      this.#line[this.#served++]!.exchange.onFailure('dropped');
    }
    this.#shortenLine();
    const sent = this.#sent;
    this.#sent = [];
    let first = 0;
    for (; first < sent.length; first += 1) {
      if (sent[first]!.exchange.isOver) continue;
      if (!isLate(sent[first]!)) break;
      sent[first]!.connection.close('timeout');
    }
    this.#sent = sent.slice(first).concat(this.#sent);
    for (const connection of this.#idle) {
      if (nowMs - connection.idleSinceMs <= maxIdleMs) break;
      connection.close('closed');
    }
  }

  close(): void {
    this.#isClosed = true;
    const line = this.#line.slice(this.#served);
    this.#line = [];
    this.#served = 0;
    for (const connection of this.#open) connection.close('closed');
    for (const { exchange } of line) exchange.onFailure('dropped');
  }

  #put({ text, isAscii, exchange }: Outgoing): boolean {
    const { pipelining } = this.#options;
    const connection = this.#gathering ?? this.#takeIdle() ?? this.#connect();
    if (connection === undefined) return false;
    this.#sent.push({ exchange, connection });
    connection.put(text, isAscii, exchange);
    if (pipelining === 1) connection.flush();
    else if (connection.exchangeCount === pipelining) this.#gathering = undefined;
    else if (this.#gathering === undefined) this.#gather(connection);
    return true;
  }

  #takeIdle(): Connection | undefined {
    const [connection] = this.#idle;
    if (connection !== undefined) this.#idle.delete(connection);
    return connection;
  }

  #gather(connection: Connection): void {
    this.#gathering = connection;
    // Behind everything this turn still has to do, the continuations of what was awaited included.
    process.nextTick(() => {
      if (this.#gathering === connection) this.#gathering = undefined;
      connection.flush();
    });
  }

  #serveLine(): void {
    while (this.#served < this.#line.length && this.#put(this.#line[this.#served]!)) {
      this.#served += 1;
    }
    this.#shortenLine();
  }

  /** Not at each step: to move a long line costs as much as it is long. */
  #shortenLine(): void {
    if (this.#served < this.#line.length && this.#served < 1_024) return;
    this.#line.splice(0, this.#served);
    this.#served = 0;
  }

  #connect(): Connection | undefined {
    if (this.#isClosed || this.#open.size >= this.#options.maxConnections) return undefined;
    const connection = new Connection(this.#origin, this.#readBuffer, this.#events);
    this.#open.add(connection);
    this.#onOpened();
    return connection;
  }

  #forget(connection: Connection): void {
    this.#open.delete(connection);
    if (this.#gathering === connection) this.#gathering = undefined;
    this.#idle.delete(connection);
    this.#serveLine();
  }
}
