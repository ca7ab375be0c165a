import { connect, type Socket } from 'node:net';
import { systemClock, type Clock } from '../clock.ts';
import { MqError } from '../errors.ts';
import { silentLogger, type Logger } from '../logger.ts';
import {
  defaultFrameLimits,
  SerializeType,
  type FrameLimits,
  type RemotingCommand,
} from '../protocol/frame.ts';
import { parseHostPort, stripMapped, type HostAddress } from '../protocol/host-address.ts';
import { describeRequestCode } from '../protocol/request-code.ts';
import type { Connection, RequestOptions } from './connection.ts';
import { requestAborted, requestTimedOut } from './in-flight.ts';
import type { ProcessorTable } from './processor.ts';
import { RequestStage } from './request-stage.ts';
import { SocketConnection } from './socket-connection.ts';

export interface RemotingClientOptions {
  /** For requests the peer originates. */
  processors?: ProcessorTable | undefined;
  /** Header encoding of everything this client sends, whatever a command says; left out: as each command says. */
  serializeType?: SerializeType | undefined;
  connectTimeoutMs?: number | undefined;
  logger?: Logger | undefined;
  limits?: FrameLimits | undefined;
  clock?: Clock | undefined;
  /** How long `close` waits for replies to the peer's requests still being worked on. */
  closeGraceMs?: number | undefined;
  /** Its sockets do not keep the process alive. */
  isBackground?: boolean | undefined;
  /** Opens a socket; tests pass sockets that fail on demand. */
  dial?: ((host: HostAddress) => Socket) | undefined;
}

export type AddressCloseListener = (addr: string, reason?: MqError) => void;

/** A broker's reply to a batch has two ids of every message in its header: 64 KiB would be 900 messages. */
const replyLimits: FrameLimits = {
  ...defaultFrameLimits,
  maxHeaderBytes: defaultFrameLimits.maxFrameBytes,
};

const FIRST_BACK_OFF_MS = 100;
const MAX_BACK_OFF_MS = 5000;

/** What is known of one address: its connection if there is one, else how dialling goes. */
interface Endpoint {
  connection: Connection | undefined;
  dialling: Promise<Connection> | undefined;
  failureCount: number;
  /** On the monotonic clock; before it, calls fail without dialling. */
  retryAtMs: number;
  lastError: unknown;
}

/**
 * One connection per address, dialled when first needed and again after it broke.
 *
 * Callers that need the same address share one dial. After a failed dial, or a connection that ended before
 * it ever carried a frame, calls fail fast until a back-off has passed: 100 ms, doubling to 5 s.
 */
export class RemotingClient {
  readonly #options: RemotingClientOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #connectTimeoutMs: number;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #dialledSockets = new Set<Socket>();
  readonly #closeListeners = new Set<AddressCloseListener>();
  #lastId = 0;
  #closing: Promise<void> | undefined;

  constructor(options: RemotingClientOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 3000;
  }

  /**
   * Sends a request and returns its reply, whatever its code. `timeoutMs` covers the dial and the reply.
   *
   * Errors: CONNECT_FAILED, CONNECTION_CLOSED, REQUEST_TIMEOUT, REQUEST_ABORTED (all retriable), CLIENT_CLOSED,
   *         INVALID_ARGUMENT when `addr` is not host:port.
   */
  async request(
    addr: string,
    command: RemotingCommand,
    options: RequestOptions,
  ): Promise<RemotingCommand> {
    const open = this.#openConnection(addr);
    if (open) return open.request(this.#inOwnEncoding(command), options);
    const startedMs = this.#clock.monotonicMs();
    const label = `${describeRequestCode(command.code)} sent to ${addr}`;
    if (options.signal?.aborted) throw requestAborted(label, options.signal);
    const connection = await this.#bounded(this.#dialled(addr), label, options);
    const leftMs = options.timeoutMs - (this.#clock.monotonicMs() - startedMs);
    if (leftMs <= 0) throw requestTimedOut(label, options.timeoutMs, RequestStage.CONNECTING);
    return connection.request(this.#inOwnEncoding(command), { ...options, timeoutMs: leftMs });
  }

  /**
   * Sends a request that gets no reply. Settles when the connection has taken it.
   *
   * Errors: CONNECT_FAILED, CONNECTION_CLOSED (both retriable), CLIENT_CLOSED, INVALID_ARGUMENT.
   */
  async oneway(addr: string, command: RemotingCommand): Promise<void> {
    const connection = this.#openConnection(addr) ?? (await this.#dialled(addr));
    return connection.oneway(this.#inOwnEncoding(command));
  }

  /** Tells of every connection that was open and is gone, also of those closed by `close`. */
  onClose(listener: AddressCloseListener): void {
    this.#closeListeners.add(listener);
  }

  /** Whether a connection to this address is open now. */
  isConnected(addr: string): boolean {
    return this.#endpoints.get(addr)?.connection?.isOpen ?? false;
  }

  /** Fails what waits for a reply, flushes what was sent, closes every connection. Settles when all sockets are gone. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const reason = clientClosed();
    for (const socket of this.#dialledSockets) socket.destroy(reason);
    const connections = [...this.#endpoints.values()].flatMap(({ connection }) => connection ?? []);
    await Promise.all(connections.map((connection) => connection.close(reason)));
  }

  #inOwnEncoding(command: RemotingCommand): RemotingCommand {
    const { serializeType } = this.#options;
    return serializeType === undefined || serializeType === command.serializeType
      ? command
      : { ...command, serializeType };
  }

  #openConnection(addr: string): Connection | undefined {
    if (this.#closing) throw clientClosed();
    const connection = this.#endpoints.get(addr)?.connection;
    return connection?.isOpen ? connection : undefined;
  }

  #dialled(addr: string): Promise<Connection> {
    const endpoint = this.#endpoint(addr);
    if (endpoint.dialling) return endpoint.dialling;
    const waitMs = Math.ceil(endpoint.retryAtMs - this.#clock.monotonicMs());
    if (waitMs > 0) {
      const error = new MqError(
        'CONNECT_FAILED',
        `${addr} was not reachable ${endpoint.failureCount} times, next attempt in ${waitMs} ms`,
        {
          retriable: true,
          details: { addr, waitMs, stage: RequestStage.CONNECTING },
          cause: endpoint.lastError,
        },
      );
      return Promise.reject(error);
    }
    endpoint.dialling = this.#dial(addr, endpoint).finally(() => {
      endpoint.dialling = undefined;
    });
    return endpoint.dialling;
  }

  #endpoint(addr: string): Endpoint {
    let endpoint = this.#endpoints.get(addr);
    if (!endpoint) {
      endpoint = {
        connection: undefined,
        dialling: undefined,
        failureCount: 0,
        retryAtMs: -Infinity,
        lastError: undefined,
      };
      this.#endpoints.set(addr, endpoint);
    }
    return endpoint;
  }

  async #dial(addr: string, endpoint: Endpoint): Promise<Connection> {
    const host = parseHostPort(addr);
    const socket = (this.#options.dial ?? dialTcp)(host);
    if (this.#options.isBackground === true) socket.unref();
    this.#dialledSockets.add(socket);
    try {
      await this.#connected(socket);
    } catch (cause) {
      socket.destroy();
      if (MqError.is(cause) && cause.code === 'CLIENT_CLOSED') throw cause;
      this.#backOff(endpoint, cause);
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new MqError('CONNECT_FAILED', `cannot connect to ${addr}: ${reason}`, {
        retriable: true,
        details: { addr, stage: RequestStage.CONNECTING },
        cause,
      });
    } finally {
      this.#dialledSockets.delete(socket);
    }
    if (this.#closing) {
      socket.destroy();
      throw clientClosed();
    }
    return this.#adopt(addr, host, socket, endpoint);
  }

  /** Settles when the socket is connected; rejects with the reason why it will not be. */
  #connected(socket: Socket): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimeout(() => {
        settle(() => reject(new Error(`no answer within ${this.#connectTimeoutMs} ms`)));
      }, this.#connectTimeoutMs);
      const onConnect = (): void => settle(resolve);
      const onError = (error: Error): void => settle(() => reject(error));
      const onClose = (): void => settle(() => reject(new Error('closed while connecting')));
      const settle = (how: () => void): void => {
        this.#clock.clearTimeout(timer);
        socket.off('connect', onConnect).off('close', onClose);
        // The error listener stays: a socket that was given up may still fail, and nobody else listens to it.
        how();
      };
      socket.once('connect', onConnect).once('close', onClose).on('error', onError);
    });
  }

  #adopt(addr: string, host: HostAddress, socket: Socket, endpoint: Endpoint): Connection {
    const connection = new SocketConnection(socket, {
      id: ++this.#lastId,
      remote: { address: stripMapped(socket.remoteAddress ?? host.address), port: host.port },
      local: { address: stripMapped(socket.localAddress ?? ''), port: socket.localPort ?? 0 },
      processors: this.#options.processors ?? new Map(),
      clock: this.#clock,
      logger: this.#logger,
      limits: this.#options.limits ?? replyLimits,
      closeGraceMs: this.#options.closeGraceMs,
    });
    endpoint.connection = connection;
    connection.onClose((reason) => {
      endpoint.connection = undefined;
      if (connection.receivedCount > 0) endpoint.failureCount = 0;
      else this.#backOff(endpoint, reason);
      for (const listener of this.#closeListeners) listener(addr, reason);
    });
    return connection;
  }

  #backOff(endpoint: Endpoint, cause: unknown): void {
    const delayMs = Math.min(FIRST_BACK_OFF_MS * 2 ** endpoint.failureCount, MAX_BACK_OFF_MS);
    endpoint.failureCount++;
    endpoint.retryAtMs = this.#clock.monotonicMs() + delayMs;
    endpoint.lastError = cause;
  }

  /** A caller's own patience with a dial it may share with others, whom its giving up does not concern. */
  #bounded<T>(work: Promise<T>, label: string, options: RequestOptions): Promise<T> {
    const { timeoutMs, signal } = options;
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimeout(() => {
        finish(() => reject(requestTimedOut(label, timeoutMs, RequestStage.CONNECTING)));
      }, timeoutMs);
      const onAbort = (): void => finish(() => reject(requestAborted(label, signal!)));
      const finish = (how: () => void): void => {
        this.#clock.clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        how();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      work.then(
        (value) => finish(() => resolve(value)),
        (error: unknown) => finish(() => reject(error)),
      );
    });
  }
}

function dialTcp({ address, port }: HostAddress): Socket {
  return connect({
    host: address,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
  });
}

function clientClosed(): MqError {
  return new MqError('CLIENT_CLOSED', 'the remoting client is closed');
}
