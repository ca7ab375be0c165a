import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  method: string;
  /** Without the query. */
  path: string;
  query: Readonly<Record<string, string>>;
  /** As it was sent; undefined when there was none. */
  body: unknown;
}

/** `hang`: no answer, for as long as the one who asks waits. `drop`: the connection is cut instead. */
export type PeerAnswer = { status: number; body: unknown } | 'hang' | 'drop';

/** May be asynchronous: an answer that waits for something is a slow one. */
export type PeerScript = (asked: Asked) => PeerAnswer | Promise<PeerAnswer>;

/** A refusal as our services word it. */
export function refusal(status: number, code: string, detail = `refused: ${code}`): PeerAnswer {
  return {
    status,
    body: { type: `urn:millrace:problem:${code}`, title: code, status, detail, code },
  };
}

const BASE = 'http://peer';

/**
 * Stands in for the services that the order service asks (stock, coupon and payment share no path), answers as a test
 * says, and remembers what it was asked. By default everything can be reserved, redeemed and released, every coupon is
 * worth 1.00, and nobody has paid.
 */
export class FakePeer implements AsyncDisposable {
  readonly #server: Server;
  readonly #scripts = new Map<string, PeerScript>();
  #asked: Asked[] = [];

  private constructor(server: Server) {
    this.#server = server;
    this.#server.on('request', (request, response) => {
      this.#serve(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
  }

  static async start(): Promise<FakePeer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakePeer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The settings by which a service finds it. */
  get env(): Record<'STOCK_URL' | 'COUPON_URL' | 'PAYMENT_URL', string> {
    return { STOCK_URL: this.url, COUPON_URL: this.url, PAYMENT_URL: this.url };
  }

  /** From now on, `POST /reservations` (say, or `POST /reservations/:orderNo/release`) is answered so. */
  answer(route: string, script: PeerAnswer | PeerScript): void {
    this.#scripts.set(route, typeof script === 'function' ? script : () => script);
  }

  /** What it was asked, by route, and about one order when that is named. */
  asked(route: string, orderNo?: string): Asked[] {
    return this.#asked.filter(
      (asked) => routeOf(asked) === route && (orderNo === undefined || isAbout(asked, orderNo)),
    );
  }

  /** Forgets its scripts and what it was asked. */
  reset(): void {
    this.#scripts.clear();
    this.#asked = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const url = new URL(request.url ?? '/', BASE);
    const asked: Asked = {
      method: request.method ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
    };
    this.#asked.push(asked);
    const script = this.#scripts.get(routeOf(asked)) ?? byDefault;
    const answer = await script(asked);
    if (answer === 'hang') return;
    if (answer === 'drop') {
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer.body));
  }
}

function routeOf({ method, path }: Asked): string {
  return `${method} ${path.replace(/^(\/\w+)\/[^/]+/, '$1/:orderNo')}`;
}

function isAbout({ path, query, body }: Asked, orderNo: string): boolean {
  return (
    path.split('/').includes(orderNo) ||
    query['orderNo'] === orderNo ||
    (body as { orderNo?: unknown } | undefined)?.orderNo === orderNo
  );
}

function byDefault(asked: Asked): PeerAnswer {
  const { orderNo, code } = (asked.body ?? {}) as { orderNo?: string; code?: string };
  switch (routeOf(asked)) {
    case 'POST /reservations':
      return { status: 200, body: { orderNo, status: 'RESERVED' } };
    case 'POST /reservation-batches': {
      const { reservations } = asked.body as { reservations: { orderNo: string }[] };
      const items = reservations.map((each) => ({ orderNo: each.orderNo, status: 'RESERVED' }));
      return { status: 200, body: { items } };
    }
    case 'POST /redemptions':
      return { status: 200, body: { code, amountMinor: 100 } };
    case 'POST /reservations/:orderNo/release':
    case 'POST /redemptions/:orderNo/release':
      return { status: 200, body: { orderNo: asked.path.split('/')[2], status: 'RELEASED' } };
    case 'GET /payments':
      return { status: 200, body: { items: [] } };
    default:
      return refusal(404, 'HTTP.404', `nobody answers ${asked.method} ${asked.path} here`);
  }
}
