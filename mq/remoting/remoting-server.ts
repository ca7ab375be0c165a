import { createServer, type DropArgument, type Server, type Socket } from 'node:net';
import { systemClock, type Clock, type TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { FrameLimits } from '../protocol/frame.ts';
import { formatHostPort, stripMapped, type HostAddress } from '../protocol/host-address.ts';
import type { BackPressure } from './back-pressure.ts';
import type { Connection } from './connection.ts';
import type { ProcessorTable } from './processor.ts';
import { SocketConnection, type OnAnswered } from './socket-connection.ts';

export interface RemotingServerOptions {
  host: string;
  /** 0 takes any free port; `start` says which. */
  port: number;
  processors: ProcessorTable;
  logger: Logger;
  clock?: Clock | undefined;
  limits?: FrameLimits | undefined;
  backPressure?: BackPressure | undefined;
  halfFrameTimeoutMs?: number | undefined;
  idleTimeoutMs?: number | undefined;
  maxConnections?: number | undefined;
  /** How long `close` waits for replies still being worked on. */
  closeGraceMs?: number | undefined;
  /** Its sockets do not keep the process alive. */
  isBackground?: boolean | undefined;
  /** Called when a peer turns out to speak something else, instead of a line in the log each time. */
  onForeignProtocol?: ((protocol: string, remote: HostAddress) => void) | undefined;
  /** Called for each request that is answered: its code, that of the answer, and how long that took. */
  onAnswered?: OnAnswered | undefined;
  onOpen?: ((connection: Connection) => void) | undefined;
  onClose?: ((connection: Connection) => void) | undefined;
}

/** How often the time limits of all connections are looked at; they are exact to this. */
const SWEEP_PERIOD_MS = 1000;
/** Connections beyond the limit are reported this often, not one by one. */
const DROP_REPORT_PERIOD_MS = 10_000;

/** Listens, and runs one connection per accepted socket. */
export class RemotingServer {
  readonly #options: RemotingServerOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #server: Server;
  readonly #connections = new Set<SocketConnection>();
  #lastId = 0;
  #sweep: TimerHandle | undefined;
  #closing: Promise<void> | undefined;
  #droppedCount = 0;
  #dropReportedMs = -Infinity;

  constructor(options: RemotingServerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger;
    this.#server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 });
    this.#server.maxConnections = options.maxConnections ?? 10_000;
    this.#server.on('connection', (socket) => this.#accept(socket));
    this.#server.on('drop', (dropped) => this.#reportDrop(dropped));
  }

  /**
   * Starts to listen and returns the address, with the port the system chose if it was asked to.
   *
   * Errors: CONFIG_INVALID when the address cannot be listened on; it names the address and the system's reason.
   */
  async start(): Promise<HostAddress> {
    const { host, port } = this.#options;
    const bare = host.replace(/^\[(.*)\]$/, '$1');
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: NodeJS.ErrnoException): void => {
        const where = formatHostPort({ address: bare, port });
        const reason = cause.code === 'EADDRINUSE' ? 'the port is in use' : cause.message;
        reject(new MqError('CONFIG_INVALID', `cannot listen on ${where}: ${reason}`, { cause }));
      };
      this.#server.once('error', onError);
      this.#server.listen({ host: bare, port }, () => {
        this.#server.off('error', onError);
        resolve();
      });
    });
    this.#server.on('error', (error) =>
      this.#logger.error('the listening socket failed', { error }),
    );
    this.#sweep = this.#clock.setInterval(() => this.#checkTimeLimits(), SWEEP_PERIOD_MS);
    this.#sweep.unref();
    if (this.#options.isBackground === true) this.#server.unref();
    const bound = this.#server.address();
    if (bound === null || typeof bound === 'string') throw new Error('not bound to a TCP port');
    return { address: bound.address, port: bound.port };
  }

  connections(): Iterable<Connection> {
    return this.#connections;
  }

  /**
   * Stops accepting and reading, lets replies under way finish within `closeGraceMs`, and closes every connection.
   * Whoever holds long polls should answer them first, or they cost that whole time.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#clock.clearInterval(this.#sweep);
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await Promise.all([...this.#connections].map((connection) => connection.close()));
    await stopped;
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort, localAddress, localPort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) {
      // The peer left between connecting and being accepted.
      socket.destroy();
      return;
    }
    if (this.#options.isBackground === true) socket.unref();
    const connection = new SocketConnection(socket, {
      id: ++this.#lastId,
      remote: { address: stripMapped(remoteAddress), port: remotePort },
      local: { address: stripMapped(localAddress ?? ''), port: localPort ?? 0 },
      processors: this.#options.processors,
      clock: this.#clock,
      logger: this.#logger,
      limits: this.#options.limits,
      backPressure: this.#options.backPressure,
      closeGraceMs: this.#options.closeGraceMs,
      onForeignProtocol: this.#options.onForeignProtocol,
      onAnswered: this.#options.onAnswered,
    });
    this.#connections.add(connection);
    connection.onClose(() => {
      this.#connections.delete(connection);
      this.#options.onClose?.(connection);
    });
    this.#options.onOpen?.(connection);
    if (this.#closing) void connection.close();
  }

  #checkTimeLimits(): void {
    const limits = {
      halfFrameTimeoutMs: this.#options.halfFrameTimeoutMs ?? 10_000,
      idleTimeoutMs: this.#options.idleTimeoutMs ?? 120_000,
    };
    for (const connection of this.#connections) connection.checkTimeLimits(limits);
  }

  #reportDrop(dropped: DropArgument | undefined): void {
    this.#droppedCount++;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#dropReportedMs < DROP_REPORT_PERIOD_MS) return;
    this.#dropReportedMs = nowMs;
    this.#logger.warn('refused connections beyond the limit', {
      refused: this.#droppedCount,
      limit: this.#server.maxConnections,
      latestPeer: dropped?.remoteAddress,
    });
    this.#droppedCount = 0;
  }
}
