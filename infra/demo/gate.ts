import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A way to a server that can be closed and opened again: closed, whoever uses it finds the server stopped, and connections
 * that were open are cut.
 */
export class Gate {
  readonly port: number;
  readonly #target: { host: string; port: number };
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  private constructor(port: number, target: { host: string; port: number }, server: Server) {
    this.port = port;
    this.#target = target;
    this.#server = server;
    server.on('connection', (socket) => this.#join(socket));
  }

  static async open(target: { host: string; port: number }): Promise<Gate> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    return new Gate(port, target, server);
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(server, 'close');
  }

  async reopen(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer();
    server.on('connection', (socket) => this.#join(socket));
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
  }

  #join(socket: Socket): void {
    const { host, port } = this.#target;
    const other = connect(port, host);
    for (const [from, to] of [
      [socket, other],
      [other, socket],
    ] as const) {
      this.#sockets.add(from);
      from.pipe(to);
      // A side that is cut cuts the other: what has gone wrong is theirs to notice.
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
