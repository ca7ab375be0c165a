import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { formatHostPort, type HostAddress } from '../protocol/host-address.ts';
import { isLoopback } from '../remoting/bind-address.ts';
import { EXPOSITION_TYPE } from './exposition.ts';

export interface PartHealth {
  readonly status: 'up' | 'down';
  /** What is down, in words; of what is up, what it cannot do for now. */
  readonly reason?: string;
}

/** Each part that a server needs to do its work. */
export type Parts = Readonly<Record<string, PartHealth>>;

export interface HttpEndpointOptions {
  readonly host: string;
  readonly port: number;
  /** In Prometheus's text format. */
  readonly metrics: () => Promise<string>;
  readonly parts: () => Parts;
  /** Its sockets do not keep the process alive. */
  readonly isBackground: boolean;
  readonly logger: Logger;
}

/** Prometheus and probers need few. */
const MAX_CONNECTIONS = 64;
/** A request is one short line and a few headers. */
const REQUEST_TIMEOUT_MS = 5_000;
/** How often Node looks for connections past that, which until then keep others out: by default every 30 s. */
const TIMEOUT_CHECK_MS = 1_000;

/**
 * The HTTP endpoint of a server, for those who watch it: `GET /metrics`, `/health/live` (it answers) and `/health/ready` (it
 * can do its work: 200, or 503 naming the part that is down).
 */
export class HttpEndpoint {
  readonly #options: HttpEndpointOptions;
  readonly #server: Server;

  constructor(options: HttpEndpointOptions) {
    this.#options = options;
    this.#server = createServer(
      {
        requestTimeout: REQUEST_TIMEOUT_MS,
        headersTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Errors: CONFIG_INVALID when the address cannot be listened on; it names the address and the system's reason. */
  async start(): Promise<HostAddress> {
    const { host, port, isBackground, logger } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: NodeJS.ErrnoException): void => {
        const where = formatHostPort({ address: host, port });
        const reason = cause.code === 'EADDRINUSE' ? 'the port is in use' : cause.message;
        const what = `cannot serve metrics on ${where}: ${reason}`;
        reject(new MqError('CONFIG_INVALID', what, { cause }));
      };
      this.#server.once('error', onError);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', onError);
        resolve();
      });
    });
    this.#server.on('error', (error) => logger.error('the socket for metrics failed', { error }));
    if (isBackground) {
      this.#server.unref();
      this.#server.on('connection', (socket) => socket.unref());
    }
    const bound = this.#server.address();
    if (bound === null || typeof bound === 'string') throw new Error('not bound to a TCP port');
    return { address: bound.address, port: bound.port };
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?', 1)[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return sendJson(response, 405, { error: `${request.method} is not answered here` });
    }
    if (isLoopback(this.#options.host) && !isNamedByAddress(request.headers.host)) {
      return sendJson(response, 421, {
        error: 'only requests to an IP address or localhost are answered here',
      });
    }
    try {
      switch (path) {
        case '/metrics':
          return send(response, 200, EXPOSITION_TYPE, await this.#metricsFor(request));
        case '/health/live':
          return sendJson(response, 200, { status: 'up' });
        case '/health/ready':
          return this.#sendReady(response);
        default:
          return sendJson(response, 404, {
            error: `${path} is not here: /metrics, /health/live and /health/ready are`,
          });
      }
    } catch (error) {
      this.#options.logger.error('a request for metrics or health failed', { path, error });
      sendJson(response, 500, { error: 'internal error, see the log of this process' });
    }
  }

  /** Whoever wants the head only is told no numbers, so none are put together. */
  async #metricsFor({ method }: IncomingMessage): Promise<string> {
    return method === 'HEAD' ? '' : this.#options.metrics();
  }

  #sendReady(response: ServerResponse): void {
    const parts = this.#options.parts();
    const isReady = Object.values(parts).every(({ status }) => status === 'up');
    sendJson(response, isReady ? 200 : 503, { status: isReady ? 'up' : 'down', parts });
  }
}

/** A page from elsewhere reaches loopback by letting a name of its own stand for it, and then names that. */
function isNamedByAddress(host = 'localhost'): boolean {
  const name = host.replace(/:\d*$/, '');
  return name.toLowerCase() === 'localhost' || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, 'application/json; charset=utf-8', `${JSON.stringify(body)}\n`);
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(body);
}
