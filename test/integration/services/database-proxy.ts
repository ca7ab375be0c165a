import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

/** Stands between a service and its database, and cuts the connection around a COMMIT when told to. */
export class DatabaseProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isClosed = false;
  #cut: 'before' | 'after' | undefined;
  #marker = '';

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<DatabaseProxy> {
    const { hostname, port } = new URL(process.env['DATABASE_URL'] ?? '');
    const server = createServer();
    const proxy = new DatabaseProxy(server);
    server.on('connection', (client) => {
      if (proxy.#isClosed) {
        client.destroy();
        return;
      }
      proxy.#join(client, connect(Number(port || 3306), hostname));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /**
   * The next COMMIT is kept from the server, or only its answer from the client. `marker`: it is the next one of a
   * transaction that has said this, for a service that has others going on beside it.
   */
  cutAtCommit(cut: 'before' | 'after', marker = ''): void {
    this.#cut = cut;
    this.#marker = marker;
  }

  /** Cuts every connection there is, as a network that fails does. New ones may be made. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** From now on the database is away for whoever comes by here, until `reopen`. */
  close(): void {
    this.#isClosed = true;
    this.hangUp();
  }

  reopen(): void {
    this.#isClosed = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket, database: Socket): void {
    let isCutAtAnswer = false;
    let said = '';
    const hangUp = (): void => {
      client.destroy();
      database.destroy();
    };
    for (const socket of [client, database]) {
      this.#sockets.add(socket);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        hangUp();
      });
      // A reset is one way of hanging up; `close` follows.
      socket.on('error', hangUp);
    }
    client.on('data', (bytes: Buffer) => {
      if (isStatement(bytes, 'START TRANSACTION')) said = '';
      said += bytes.toString('latin1');
      if (this.#cut !== undefined && isStatement(bytes, 'COMMIT') && said.includes(this.#marker)) {
        isCutAtAnswer = this.#cut === 'after';
        this.#cut = undefined;
        if (!isCutAtAnswer) return hangUp();
      }
      database.write(bytes);
    });
    database.on('data', (bytes: Buffer) => {
      if (isCutAtAnswer) hangUp();
      else client.write(bytes);
    });
  }
}

/** A packet of its own: 4 bytes of length and number, COM_QUERY, and the statement. */
function isStatement(bytes: Buffer, statement: string): boolean {
  return bytes[4] === 3 && bytes.toString('latin1', 5) === statement;
}
