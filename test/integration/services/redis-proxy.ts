import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { redisUrl } from './shop.ts';

/** Stands between a service and Redis: keeps the answers back, or Redis away, when told to. */
export class RedisProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isAway = false;
  #heldBack: (() => void)[] | undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<RedisProxy> {
    const { hostname, port } = new URL(redisUrl());
    const server = createServer();
    const proxy = new RedisProxy(server);
    server.on('connection', (client) => {
      if (proxy.#isAway) client.destroy();
      else proxy.#join(client, connect(Number(port || 6379), hostname));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Redis does what it is asked, and nobody hears of it until `letGo`. */
  holdAnswers(): void {
    this.#heldBack ??= [];
  }

  letGo(): void {
    const heldBack = this.#heldBack ?? [];
    this.#heldBack = undefined;
    for (const pass of heldBack) pass();
  }

  /** Cuts every connection, and lets none in until `comeBack`. */
  goAway(): void {
    this.#isAway = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  comeBack(): void {
    this.#isAway = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.goAway();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket, redis: Socket): void {
    for (const [socket, other] of [
      [client, redis],
      [redis, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      // A reset is one way of hanging up; `close` follows.
      socket.on('error', () => other.destroy());
    }
    client.on('data', (bytes: Buffer) => redis.write(bytes));
    redis.on('data', (bytes: Buffer) => {
      const pass = (): void => void client.write(bytes);
      if (this.#heldBack) this.#heldBack.push(pass);
      else pass();
    });
  }
}
