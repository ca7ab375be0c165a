import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

type Answer = boolean | 'away' | 'silent';

/** Answers as the order service does when it is asked how the transaction ended that was to place an order. */
export class OrderStandIn implements AsyncDisposable {
  readonly url: string;
  readonly asked: string[] = [];
  /** Of a transaction that is not named here: not placed. */
  readonly answers = new Map<string, Answer>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request, response) => {
      const [, key = ''] = /^\/order-transactions\/([^/]+)\/settle$/.exec(request.url ?? '') ?? [];
      const transactionKey = decodeURIComponent(key);
      this.asked.push(transactionKey);
      const answer = this.answers.get(transactionKey) ?? false;
      if (answer === 'silent') return;
      response.statusCode = answer === 'away' ? 503 : 200;
      response.end(JSON.stringify(answer === 'away' ? {} : { isPlaced: answer }));
    });
  }

  static async start(): Promise<OrderStandIn> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new OrderStandIn(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
